// libcurl, loaded when the first request is made. Linked in, it and what it needs (30 shared libraries)
// would be mapped by every run of pgstrata, which is most of the time of one that has nothing to do.
#pragma once

#include <curl/curl.h>

#include "core/result.h"

namespace pgstrata::remote {

struct CurlLibrary {
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_setopt) easy_set;
  decltype(&::curl_easy_getinfo) easy_info;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
};

/// Loaded once, never unloaded. kMachine with the name of the package if it isn't installed.
Result<const CurlLibrary*> curl_library();

}  // namespace pgstrata::remote
