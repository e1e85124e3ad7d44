#include "bootstrap/base_name.h"

#include "bootstrap/apt_sources.h"

namespace pgstrata::bootstrap {

std::optional<BaseName> parse_base_name(std::string_view reference) {
  const auto drop = [&reference](std::string_view prefix) {
    if (reference.starts_with(prefix)) reference.remove_prefix(prefix.size());
  };
  if (reference.starts_with("docker.io/")) {
    drop("docker.io/");
  } else {
    drop("index.docker.io/");
  }
  drop("library/");
  if (!reference.starts_with("debian:")) return {};
  drop("debian:");
  BaseName name;
  name.slim = reference.ends_with("-slim");
  if (name.slim) reference.remove_suffix(std::string_view("-slim").size());
  if (!is_debian_suite(reference)) return {};
  name.suite = reference;
  return name;
}

}  // namespace pgstrata::bootstrap
