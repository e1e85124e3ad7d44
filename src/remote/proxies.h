// Which proxy a request goes through: the build's proxy arguments, else the environment.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgstrata::remote {

/// As Go's net/http (and so BuildKit) reads them, upper case before lower case; ALL_PROXY is git's and
/// curl's.
struct Proxies {
  std::string http;
  std::string https;
  std::string none;  ///< NO_PROXY: hosts that are asked directly, separated by commas
  std::string all;

  /// `arguments` (--build-arg) stand before the environment of this process.
  static Proxies from(const std::map<std::string, std::string>& arguments);

  /// For a URL; "" without one. This machine itself is never asked through a proxy.
  [[nodiscard]] std::string for_url(std::string_view url) const;
  /// As the variables that programs read.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> environment() const;
};

}  // namespace pgstrata::remote
