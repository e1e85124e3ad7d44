// Result<T>: a value or an Error. The only file that names tl::expected.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "core/error.h"

namespace pgstrata {

/// A class of its own, not an alias, so that dropping one is a warning, and so an error.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

/// Wraps an error for return: `return fail({...});`
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace pgstrata

/// The value of a Result expression; on an error the enclosing function returns it.
#define TRY(...)                                                               \
  ({                                                                           \
    auto try_result_ = (__VA_ARGS__);                                          \
    if (!try_result_) return ::pgstrata::fail(std::move(try_result_).error()); \
    std::move(try_result_).value();                                            \
  })

/// Like TRY for Result<void>.
#define TRY_VOID(...)                                                          \
  do {                                                                         \
    auto try_result_ = (__VA_ARGS__);                                          \
    if (!try_result_) return ::pgstrata::fail(std::move(try_result_).error()); \
  } while (false)
