#include "attest/license.h"

#include <algorithm>
#include <array>

namespace pgstrata::attest {
namespace {

/// What distributions' packages mostly have; of another one no more is claimed than what the database says.
constexpr std::array<std::string_view, 53> kKnown = {"0BSD",
                                                     "AFL-2.1",
                                                     "AGPL-3.0-only",
                                                     "AGPL-3.0-or-later",
                                                     "Apache-2.0",
                                                     "Artistic-1.0",
                                                     "Artistic-2.0",
                                                     "BSD-1-Clause",
                                                     "BSD-2-Clause",
                                                     "BSD-3-Clause",
                                                     "BSD-4-Clause",
                                                     "BSL-1.0",
                                                     "BlueOak-1.0.0",
                                                     "CC-BY-4.0",
                                                     "CC0-1.0",
                                                     "CDDL-1.0",
                                                     "EPL-2.0",
                                                     "FTL",
                                                     "GFDL-1.2-or-later",
                                                     "GFDL-1.3-or-later",
                                                     "GPL-1.0-only",
                                                     "GPL-1.0-or-later",
                                                     "GPL-2.0-only",
                                                     "GPL-2.0-or-later",
                                                     "GPL-3.0-only",
                                                     "GPL-3.0-or-later",
                                                     "ICU",
                                                     "IJG",
                                                     "ISC",
                                                     "LGPL-2.0-only",
                                                     "LGPL-2.0-or-later",
                                                     "LGPL-2.1-only",
                                                     "LGPL-2.1-or-later",
                                                     "LGPL-3.0-only",
                                                     "LGPL-3.0-or-later",
                                                     "MIT",
                                                     "MIT-0",
                                                     "MPL-1.1",
                                                     "MPL-2.0",
                                                     "NCSA",
                                                     "OFL-1.1",
                                                     "OLDAP-2.8",
                                                     "OpenSSL",
                                                     "PHP-3.01",
                                                     "PSF-2.0",
                                                     "PostgreSQL",
                                                     "Python-2.0",
                                                     "Ruby",
                                                     "Unicode-DFS-2016",
                                                     "Unlicense",
                                                     "Vim",
                                                     "X11",
                                                     "Zlib"};

/// What may follow WITH.
constexpr std::array<std::string_view, 6> kExceptions = {"Autoconf-exception-3.0",  "Bison-exception-2.2",
                                                         "Classpath-exception-2.0", "GCC-exception-3.1",
                                                         "LLVM-exception",          "Linux-syscall-note"};

bool is_in(const auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// The next word or parenthesis; "" at the end.
std::string_view next(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::size_t length = std::min(text.find_first_of(" ()"), text.size());
  if (length == 0 && !text.empty()) length = 1;
  const std::string_view token = text.substr(0, length);
  text.remove_prefix(length);
  return token;
}

}  // namespace

bool is_spdx_expression(std::string_view text) {
  int open = 0;
  bool wants_operand = true;
  bool wants_exception = false;
  for (std::string_view token = next(text); !token.empty(); token = next(text)) {
    if (wants_exception) {
      if (!is_in(kExceptions, token)) return false;
      wants_exception = false;
    } else if (wants_operand) {
      if (token == "(") {
        ++open;
        continue;
      }
      if (token.size() > 1 && token.ends_with('+')) token.remove_suffix(1);
      if (!is_in(kKnown, token)) return false;
      wants_operand = false;
    } else if (token == ")") {
      if (--open < 0) return false;
    } else if (token == "WITH") {
      wants_exception = true;
    } else if (token == "AND" || token == "OR") {
      wants_operand = true;
    } else {
      return false;
    }
  }
  return !wants_operand && !wants_exception && open == 0;
}

}  // namespace pgstrata::attest
