#include "progress/rawjson.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "progress/text.h"
#include "progress/wording.h"

namespace pgstrata::progress {
namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.valid) {
      result += "\\ufffd";
    } else if (c.code == '"' || c.code == '\\') {
      result += {'\\', static_cast<char>(c.code)};
    } else if (c.code == '\n') {
      result += "\\n";
    } else if (c.code < 0x20 || c.code == 0x7F) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c.code));
    } else {
      result.append(text.substr(0, c.length));
    }
    text.remove_prefix(c.length);
  }
  return result + '"';
}

/// How many bytes at the end are the beginning of a character whose rest may come later.
std::size_t unfinished_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80) continue;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

class RawJsonSink final : public Sink {
 public:
  RawJsonSink(Output& output, const Clock& clock) : output_(output), clock_(clock), start_(clock.now()) {}

  void step_declared(const Step& step) override {
    const std::string line = step.line > 0 ? fmt::format(",\"line\":{}", step.line) : "";
    emit("step", fmt::format("\"id\":{},\"name\":{}{}", step.id, quoted(step.name), line));
  }

  void step_started(StepId id) override { emit("started", fmt::format("\"id\":{}", id)); }

  void step_output(StepId id, Stream stream, std::string_view chunk) override {
    const std::lock_guard lock(mutex_);
    std::string& rest = rests_[{id, stream}];
    std::string data = std::exchange(rest, {});
    data.append(chunk);
    const std::size_t unfinished = unfinished_bytes(data);
    rest = data.substr(data.size() - unfinished);
    data.resize(data.size() - unfinished);
    if (!data.empty()) emit_output(id, stream, data);
  }

  void step_finished(StepId id, const StepResult& result) override {
    const std::lock_guard lock(mutex_);
    for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
      const auto rest = rests_.find({id, stream});
      if (rest == rests_.end()) continue;
      if (!rest->second.empty()) emit_output(id, stream, rest->second);
      rests_.erase(rest);
    }
    const auto* failed = std::get_if<Failed>(&result.outcome);
    const std::string error = failed != nullptr ? ",\"error\":" + quoted(failed->message) : "";
    emit_locked("finished",
                fmt::format("\"id\":{},\"status\":\"{}\",\"seconds\":{:.6f},\"reason\":{}{}", id,
                            name_of(result.outcome), result.seconds, quoted(result.reason), error));
  }

  void message(Level level, std::string_view text) override {
    emit("message", fmt::format("\"level\":\"{}\",\"text\":{}",
                                level == Level::kWarning ? "warning" : "info", quoted(text)));
  }

  void check_warning(const CheckWarning& warning) override {
    const std::string line = warning.line > 0 ? fmt::format(",\"line\":{}", warning.line) : "";
    emit("check", fmt::format("\"rule\":{},\"text\":{},\"url\":{}{}", quoted(warning.rule),
                              quoted(warning.message), quoted(warning.url), line));
  }

  void build_finished(const BuildResult& result, double seconds) override {
    constexpr std::array<std::string_view, 3> kResults{"built", "failed", "cancelled"};
    static_assert(std::variant_size_v<BuildResult> == kResults.size());
    std::string error;
    if (const auto* e = std::get_if<Error>(&result))
      error = fmt::format(",\"error\":{{\"what\":{},\"where\":{},\"why\":{},\"next\":{},\"detail\":{}}}",
                          quoted(e->what), quoted(e->where), quoted(e->why), quoted(e->next),
                          quoted(e->detail));
    emit("end",
         fmt::format("\"result\":\"{}\",\"seconds\":{:.6f}{}", kResults[result.index()], seconds, error));
  }

 private:
  void emit(std::string_view event, const std::string& fields) {
    const std::lock_guard lock(mutex_);
    emit_locked(event, fields);
  }
  void emit_locked(std::string_view event, const std::string& fields) {
    output_.write(fmt::format("{{\"event\":\"{}\",\"time\":{:.6f},{}}}\n", event,
                              (clock_.now() - start_).count(), fields));
  }
  void emit_output(StepId id, Stream stream, std::string_view data) {
    emit_locked("output",
                fmt::format("\"id\":{},\"stream\":\"{}\",\"data\":{}", id, name_of(stream), quoted(data)));
  }

  Output& output_;
  const Clock& clock_;
  const std::chrono::duration<double> start_;
  std::mutex mutex_;
  std::map<std::pair<StepId, Stream>, std::string> rests_;
};

}  // namespace

std::unique_ptr<Sink> make_rawjson_sink(Output& output, const Clock& clock) {
  return std::make_unique<RawJsonSink>(output, clock);
}

}  // namespace pgstrata::progress
