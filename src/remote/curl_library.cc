#include "remote/curl_library.h"

#include <dlfcn.h>

#include <mutex>

// These wrap the function in a check of its arguments, which only works on the linked one.
#undef curl_easy_setopt
#undef curl_easy_getinfo

namespace pgstrata::remote {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool load(void* library, CurlLibrary& curl) {
  CURLcode (*global_init)(long) = nullptr;
  return find(library, "curl_global_init", global_init) && global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
         find(library, "curl_easy_init", curl.easy_init) &&
         find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
         find(library, "curl_easy_reset", curl.easy_reset) &&
         find(library, "curl_easy_setopt", curl.easy_set) &&
         find(library, "curl_easy_getinfo", curl.easy_info) &&
         find(library, "curl_easy_perform", curl.easy_perform) &&
         find(library, "curl_easy_strerror", curl.easy_strerror) &&
         find(library, "curl_slist_append", curl.slist_append) &&
         find(library, "curl_slist_free_all", curl.slist_free_all);
}

}  // namespace

Result<const CurlLibrary*> curl_library() {
  static std::mutex mutex;
  static CurlLibrary curl;
  static bool loaded = false;
  const std::scoped_lock lock(mutex);
  if (loaded) return &curl;
  // Lazily: it brings some thirty libraries along, and most of what they refer to is never called.
  void* library = ::dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) library = ::dlopen("libcurl-gnutls.so.4", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr || !load(library, curl)) {
    const char* reason = ::dlerror();
    return fail({.kind = ErrorKind::kMachine,
                 .what = "downloads need libcurl",
                 .why = reason != nullptr ? reason : "it can't be loaded",
                 .next = "apt-get install libcurl4"});
  }
  loaded = true;
  return &curl;
}

}  // namespace pgstrata::remote
