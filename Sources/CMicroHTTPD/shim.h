#pragma once
#include <microhttpd.h>
#include <string.h>

// What Swift does not import: variadic calls, unions, and macros with casts.

// Paths and parameters come as they were sent: what “%2F” means is for whoever takes the path apart.
static inline size_t storesync_http_keep(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  return strlen(text);
}

// An HTTP server on a socket that listens already, with one thread of its own that polls. Each option is explained where
// it is given (HTTPServer.swift). `key` and `certificate` are PEM texts, or both NULL for plain HTTP.
static inline struct MHD_Daemon *storesync_http_start(
    int listener, const char *key, const char *certificate, unsigned int connections, unsigned int connections_an_address,
    unsigned int timeout_seconds, size_t memory, MHD_AccessHandlerCallback handler, void *handler_context,
    MHD_RequestCompletedCallback completed, void *completed_context, MHD_NotifyConnectionCallback connected,
    void *connected_context) {
  unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
  struct MHD_OptionItem tls[] = {
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
      {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate},
      {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
      {MHD_OPTION_END, 0, NULL}};
  struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
  if (key) flags |= MHD_USE_TLS;
  return MHD_start_daemon(
      flags, 0, NULL, NULL, handler, handler_context, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
      connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, connections_an_address, MHD_OPTION_CONNECTION_TIMEOUT, timeout_seconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_NOTIFY_COMPLETED, completed, completed_context,
      MHD_OPTION_NOTIFY_CONNECTION, connected, connected_context, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
      &storesync_http_keep, NULL, MHD_OPTION_ARRAY,
      key ? tls : none, MHD_OPTION_END);
}

// The connection's socket; -1 if it has none any more.
static inline int storesync_http_descriptor(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

// The address at the other end; NULL if it is not known.
static inline const struct sockaddr *storesync_http_peer(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info ? info->client_addr : NULL;
}

static inline ssize_t storesync_http_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }
static inline uint64_t storesync_http_unknown_size(void) { return MHD_SIZE_UNKNOWN; }
