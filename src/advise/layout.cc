#include "advise/layout.h"

#include <algorithm>
#include <string_view>

namespace pgstrata::advise {
namespace {

bool is_comment(std::string_view line) {
  const std::size_t start = line.find_first_not_of(" \t");
  return start != std::string_view::npos && line[start] == '#';
}
bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// Lines of the file; `last` is below `first` for none.
struct Lines {
  int first = 1;
  int last = 0;
};

/// What belongs to each instruction, and the gap above it.
struct Blocks {
  std::vector<Lines> gaps;
  std::vector<Lines> blocks;
  Lines end;
};

Blocks blocks_of(const dockerfile::Dockerfile& dockerfile) {
  Blocks found;
  int next = 1;
  for (const dockerfile::Instruction& instruction : dockerfile.instructions) {
    int first = instruction.range.line;
    while (first > next && is_comment(dockerfile.source.line(first - 1))) --first;
    found.gaps.push_back({next, first - 1});
    found.blocks.push_back({first, instruction.range.last_line});
    next = instruction.range.last_line + 1;
  }
  found.end = {next, dockerfile.source.line_count()};
  return found;
}

class Renderer {
 public:
  Renderer(const dockerfile::Dockerfile& dockerfile, const Layout& layout)
      : dockerfile_(dockerfile), layout_(layout), blocks_(blocks_of(dockerfile)) {
    const std::string_view first = dockerfile.source.line(1);
    if (first.ends_with("\r\n")) line_end_ = "\r\n";
  }

  Rendered run() {
    for (std::size_t i = 0; i < layout_.size(); ++i) {
      if (layout_[i].place != Place::kAfter) add_gaps_before(i);
      add_item(i);
    }
    while (next_gap_ < blocks_.gaps.size()) add_gap(blocks_.gaps[next_gap_++]);
    add_gap(blocks_.end);
    const std::string& text = dockerfile_.source.text();
    if (!text.empty() && !text.ends_with('\n') && rendered_.text.ends_with('\n'))
      rendered_.text.erase(rendered_.text.size() - line_end_.size());
    return std::move(rendered_);
  }

 private:
  /// The gaps above the next instruction that is where it was, and of those that were between it and the
  /// one before.
  void add_gaps_before(std::size_t index) {
    while (index < layout_.size() && layout_[index].place != Place::kKept) ++index;
    if (index == layout_.size()) return;
    while (next_gap_ <= layout_[index].instruction) add_gap(blocks_.gaps[next_gap_++]);
  }

  void add_gap(const Lines& gap) {
    for (int number = gap.first; number <= gap.last; ++number) {
      const std::string_view line = dockerfile_.source.line(number);
      // Two gaps that what stood between them has left.
      if (number == gap.first && after_blank_ && is_blank(line)) continue;
      add_line(line);
      after_blank_ = is_blank(line);
    }
  }

  void add_item(std::size_t index) {
    after_blank_ = false;
    const Item& item = layout_[index];
    const Lines& block = blocks_.blocks[item.instruction];
    const int start = dockerfile_.instructions[item.instruction].range.line;
    if (item.lines.empty() || item.comments) add_lines(block.first, start - 1);
    if (item.lines.empty()) {
      rendered_.items[line_] = index;
      add_lines(start, block.last);
    }
    for (const std::string& line : item.lines) {
      // Several COPYs, and lines that continue one of them.
      rendered_.items[line_] = index;
      add_line(line);
    }
  }

  void add_lines(int first, int last) {
    for (int number = first; number <= last; ++number) add_line(dockerfile_.source.line(number));
  }
  void add_line(std::string_view line) {
    rendered_.text += line;
    if (!line.ends_with('\n')) rendered_.text += line_end_;
    ++line_;
  }

  const dockerfile::Dockerfile& dockerfile_;
  const Layout& layout_;
  Blocks blocks_;
  std::string line_end_ = "\n";
  Rendered rendered_;
  int line_ = 1;
  std::size_t next_gap_ = 0;
  bool after_blank_ = false;
};

}  // namespace

Layout original_layout(const dockerfile::Dockerfile& dockerfile) {
  Layout layout;
  for (InstructionId id = 0; id < dockerfile.instructions.size(); ++id)
    layout.push_back({.instruction = id});
  return layout;
}

Rendered render(const dockerfile::Dockerfile& dockerfile, const Layout& layout) {
  return Renderer(dockerfile, layout).run();
}

}  // namespace pgstrata::advise
