// What a program must find about signals when it starts: nothing of its starter's.
#pragma once

namespace pgstrata::os {

/// Every signal at its default and none blocked, as a program expects that was started by a log-in: for a
/// child between fork and execve. What a caller ignored (nohup: SIGHUP; a shell's background jobs: SIGINT)
/// would stay ignored for ever in the program and all that it starts. Also the two signals that the C
/// library keeps for its threads, and whose dispositions its own functions refuse to touch: runtimes that
/// don't use it pass them on ignored. Async-signal-safe.
void reset_signals();

}  // namespace pgstrata::os
