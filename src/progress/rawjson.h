// --progress=rawjson: one JSON object a line (RFC 8259, UTF-8), for programs. `time` is in seconds since
// the sink was made, `seconds` a duration; ids are those of the other lines and of --metadata-file's steps.
//
//   {"event":"step","time":0.001,"id":4,"name":"[build 2/5] RUN make","line":12}
//   {"event":"started","time":0.002,"id":4}
//   {"event":"output","time":0.310,"id":4,"stream":"stdout","data":"cc a.c\n"}
//   {"event":"finished","time":1.2,"id":4,"status":"ran","seconds":1.19,"reason":"main.c changed"}
//   {"event":"finished","time":1.2,"id":5,"status":"failed","seconds":0.2,"reason":"","error":"exit code
//   2"}
//   {"event":"message","time":1.2,"level":"warning","text":"…"}
//   {"event":"end","time":1.3,"result":"built","seconds":1.3}         result: built, failed, cancelled
//   {"event":"end",…,"result":"failed",…,"error":{"what":"…","where":"…","why":"…","next":"…","detail":"…"}}
//
// `status` is ran, hit, rebased, cut-off, failed or cancelled. `line` is absent where there is none. In
// `data` a byte that isn't UTF-8 is U+FFFD; a character cut by the end of a piece comes with the next one.
// Fields may be added; a reader skips what it doesn't know.
#pragma once

#include <memory>

#include "progress/event.h"
#include "progress/output.h"

namespace pgstrata::progress {

/// `output` and `clock` must outlive the sink.
[[nodiscard]] std::unique_ptr<Sink> make_rawjson_sink(Output& output, const Clock& clock);

}  // namespace pgstrata::progress
