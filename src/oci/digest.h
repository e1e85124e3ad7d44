// Content digests in the notation of the image-spec: "sha256:" and 64 hex digits.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace pgstrata::oci {

/// A SHA-256 value. Default-constructed it is all zeros, which stands for "none".
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  /// Parses "sha256:<hex>"; kCorrupt otherwise.
  static Result<Digest> parse(std::string_view text);
  [[nodiscard]] std::string hex() const;
  /// "sha256:<hex>"
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool is_none() const { return *this == Digest{}; }
  auto operator<=>(const Digest&) const = default;
};

/// Incremental SHA-256 (libcrypto). Reusable after finish(). Not thread-safe.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  /// The digest so far; starts anew afterwards.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Digest sha256(std::string_view text);

/// Builds keys from parts. Every part is preceded by its label and its length, so that two different
/// lists of parts can't run together into the same bytes.
class KeyHasher {
 public:
  /// `domain` names the kind of key and its version, e.g. "pgstrata.exec.v1".
  explicit KeyHasher(std::string_view domain);
  KeyHasher& add(std::string_view label, std::string_view value);
  KeyHasher& add(std::string_view label, const Digest& value);
  KeyHasher& add(std::string_view label, std::uint64_t value);
  Digest finish();

 private:
  Sha256 hash_;
};

}  // namespace pgstrata::oci

template <>
struct std::hash<pgstrata::oci::Digest> {
  std::size_t operator()(const pgstrata::oci::Digest& digest) const noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
      value |= static_cast<std::size_t>(digest.bytes[i]) << (8 * i);
    return value;
  }
};
