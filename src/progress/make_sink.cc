#include "progress/make_sink.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "progress/output.h"
#include "progress/plain.h"
#include "progress/quiet.h"
#include "progress/rawjson.h"
#include "progress/tty.h"

namespace pgstrata::progress {
namespace {

constexpr std::array<std::pair<std::string_view, Mode>, 5> kModes{{{"auto", Mode::kAuto},
                                                                   {"plain", Mode::kPlain},
                                                                   {"tty", Mode::kTty},
                                                                   {"rawjson", Mode::kRawJson},
                                                                   {"quiet", Mode::kQuiet}}};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_utf8(std::string locale) {
  for (char& c : locale) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

/// A sink together with what it borrows.
class OwningSink final : public Sink {
 public:
  OwningSink(Mode mode, int fd, const TerminalSettings& settings) : output_(fd) {
    switch (mode) {
      case Mode::kTty: {
        const Style style{.color = settings.no_color.empty(), .unicode = is_utf8(settings.locale)};
        sink_ = std::make_unique<TtySink>(output_, clock_, style, TtySink::Ticking::kOwnThread);
        break;
      }
      case Mode::kRawJson:
        sink_ = make_rawjson_sink(output_, clock_);
        break;
      case Mode::kQuiet:
        sink_ = make_quiet_sink(output_);
        break;
      case Mode::kAuto:
      case Mode::kPlain:
        sink_ = make_plain_sink(output_, clock_);
        break;
    }
  }
  void step_declared(const Step& step) override { sink_->step_declared(step); }
  void step_started(StepId id) override { sink_->step_started(id); }
  void step_output(StepId id, Stream stream, std::string_view chunk) override {
    sink_->step_output(id, stream, chunk);
  }
  void step_finished(StepId id, const StepResult& result) override { sink_->step_finished(id, result); }
  void message(Level level, std::string_view text) override { sink_->message(level, text); }
  void check_warning(const CheckWarning& warning) override { sink_->check_warning(warning); }
  void build_finished(const BuildResult& result, double seconds) override {
    sink_->build_finished(result, seconds);
  }
  void suspend() override { sink_->suspend(); }

 private:
  FdOutput output_;
  SteadyClock clock_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace

Result<Mode> parse_mode(std::string_view text) {
  for (const auto& [name, mode] : kModes)
    if (name == text) return mode;
  return fail({.kind = ErrorKind::kUsage,
               .what = "there is no such progress display",
               .where = "--progress=" + std::string(text),
               .next = "choose one of auto, plain, tty, rawjson, quiet"});
}

TerminalSettings terminal_settings(int fd) {
  std::string locale = variable("LC_ALL");
  for (const char* name : {"LC_CTYPE", "LANG"})
    if (locale.empty()) locale = variable(name);
  return {.is_terminal = ::isatty(fd) == 1,
          .term = variable("TERM"),
          .no_color = variable("NO_COLOR"),
          .locale = std::move(locale)};
}

Mode choose_mode(Mode asked, const TerminalSettings& settings) {
  if (asked == Mode::kTty) return settings.is_terminal ? Mode::kTty : Mode::kPlain;
  if (asked != Mode::kAuto) return asked;
  const bool can_draw = settings.is_terminal && !settings.term.empty() && settings.term != "dumb";
  return can_draw ? Mode::kTty : Mode::kPlain;
}

std::unique_ptr<Sink> make_sink(Mode mode, int fd) {
  const TerminalSettings settings = terminal_settings(fd);
  return std::make_unique<OwningSink>(choose_mode(mode, settings), fd, settings);
}

}  // namespace pgstrata::progress
