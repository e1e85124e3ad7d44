// RUN for another platform than this machine's: whether the kernel starts such programs. It does where an
// emulator is registered with it (binfmt_misc; Debian's qemu-user-static does that).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "filetree/file_tree.h"
#include "graph/op.h"

namespace pgstrata::solver {

/// The beginning of an ELF file, as far as it says for which machine it is: e_ident, e_type, e_machine.
using ElfHeader = std::array<char, 20>;

struct ElfProgram {
  std::string path;  ///< in the root file system
  ElfHeader header;
};

/// The program that a RUN starts first: argv[0], or what the script's first line names. Nothing if there is
/// no such file, or if it is something else: starting it will tell.
Result<std::optional<ElfProgram>> first_program(const filetree::FileTree& root, const graph::ExecOp& run);

/// False if the kernel of this machine has nothing that starts such a program. It is asked by letting it
/// try: /proc/sys/fs/binfmt_misc, where handlers are listed, isn't mounted everywhere. For that a file of
/// the header alone is made as `probe`, and removed again; a registered emulator refuses it at once. True
/// also if the kernel can't be asked.
[[nodiscard]] bool kernel_starts(const ElfHeader& header, const std::string& probe);

}  // namespace pgstrata::solver
