// Pseudo-terminals of containers and the terminal of the person.
#pragma once

#include <termios.h>

#include <optional>
#include <string>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::container {

/// A socket on which an OCI runtime hands over the terminal it made (--console-socket).
class ConsoleSocket {
 public:
  /// `path` is relative to the working directory: socket addresses are at most 107 bytes long.
  static Result<ConsoleSocket> listen(const std::string& path);
  /// The terminal's master side; called when the runtime has ended. kIo if it sent none.
  Result<os::Fd> receive();

 private:
  explicit ConsoleSocket(os::Fd socket) : socket_(std::move(socket)) {}
  os::Fd socket_;
};

/// Gives the terminal `to` the size of the terminal `from`, if that is one.
void copy_size(int from, int to);

/// Puts stdin, if it is a terminal, into raw mode as long as it lives.
class RawTerminal {
 public:
  RawTerminal();
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  std::optional<termios> previous_;
};

}  // namespace pgstrata::container
