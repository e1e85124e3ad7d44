#include "graph/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "dockerfile/go_syntax.h"

namespace pgstrata::graph {
namespace {

struct Range {
  std::uint64_t first;
  std::uint64_t last;
};

/// As Go's strconv.ParseInt reads it: a sign may stand before it.
std::optional<std::uint64_t> parse_port(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return dockerfile::parse_number(text, 10, negative ? 0 : 65535);
}

std::optional<Range> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  if (!first) return std::nullopt;
  if (dash == std::string_view::npos) return Range{*first, *first};
  const auto last = parse_port(text.substr(dash + 1));
  if (!last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

bool is_address(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string address(text);
  in6_addr parsed;
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

tl::unexpected<Error> refuse(std::string_view text, std::string why) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("invalid port: \"{}\"", text),
               .why = std::move(why),
               .next = "write a port or a range, and tcp, udp or sctp: 80, 8000-8010, 53/udp"});
}

}  // namespace

Result<std::vector<std::string>> parse_ports(std::string_view text) {
  std::string_view container = text;
  std::string_view host;
  std::string_view address;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    container = text.substr(colon + 1);
    host = text.substr(0, colon);
    if (const std::size_t second = host.rfind(':'); second != std::string_view::npos) {
      address = host.substr(0, second);
      host = host.substr(second + 1);
    }
  }
  const std::size_t slash = container.find('/');
  std::string protocol =
      slash == std::string_view::npos ? "" : dockerfile::to_lower(container.substr(slash + 1));
  container = container.substr(0, slash);
  if (protocol.empty()) protocol = "tcp";
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return refuse(text, "unknown protocol " + protocol);
  if (!address.empty() && !is_address(address))
    return refuse(text, fmt::format("{} is no IP address", address));
  const auto range = parse_range(container);
  if (!range) return refuse(text, fmt::format("\"{}\" is no port and no range of ports", container));
  if (!host.empty()) {
    const auto host_range = parse_range(host);
    if (!host_range) return refuse(text, fmt::format("\"{}\" is no port and no range of ports", host));
    if (range->first != range->last && host_range->last - host_range->first != range->last - range->first)
      return refuse(text, "the two ranges differ in length");
  }
  std::vector<std::string> ports;
  for (std::uint64_t port = range->first; port <= range->last; ++port)
    ports.push_back(fmt::format("{}/{}", port, protocol));
  return ports;
}

}  // namespace pgstrata::graph
