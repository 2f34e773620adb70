#pragma once
// Its checks of argument types are macros around the functions that are wrapped below.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// libcurl's setters and getters take any type (curl_easy_setopt(3)), which Swift does not import: one for each type.
static inline CURLcode storesync_curl_set_number(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode storesync_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode storesync_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode storesync_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode storesync_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}
typedef size_t (*storesync_curl_sink)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode storesync_curl_set_sink(CURL *handle, CURLoption option, storesync_curl_sink value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode storesync_curl_get_number(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}
// Whose transfer a message is about, and how it ended; false if it tells of something else.
static inline int storesync_curl_is_done(const CURLMsg *message, CURL **handle, CURLcode *result) {
  if (message->msg != CURLMSG_DONE) return 0;
  *handle = message->easy_handle;
  *result = message->data.result;
  return 1;
}
