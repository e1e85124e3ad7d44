// Carries a container's input and output between its pipes (or terminal), the caller's streams and the log.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "container/log.h"
#include "os/fd.h"
#include "os/process.h"

namespace pgstrata::container {

/// Our ends.
struct Streams {
  os::Fd out;  ///< the program's stdout, or its terminal
  os::Fd err;
  os::Fd in;  ///< non-blocking; -1: nothing is carried to it
};

class Relay {
 public:
  /// With `attached` output also goes to our own stdout and stderr, and our stdin to `streams.in`.
  Relay(Streams streams, LogWriter log, bool attached);

  /// Adds what to wait for; the same list goes to handle() when poll(2) has answered.
  void add_to(std::vector<pollfd>& fds) const;
  void handle(const std::vector<pollfd>& fds);
  /// Both outputs have been read to their end.
  [[nodiscard]] bool is_done() const { return !streams_.out && !streams_.err; }
  /// Writes the last line to the log.
  void finish() { log_.finish(); }

 private:
  void carry_output(os::Fd& from, os::Stream stream);
  void read_input();
  void write_input();

  Streams streams_;
  LogWriter log_;
  bool show_out_;
  bool show_err_;
  bool read_input_;
  std::string input_;  ///< read, and not yet written
};

}  // namespace pgstrata::container
