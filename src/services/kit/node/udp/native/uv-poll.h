/**
 * The few libuv declarations that the add-on needs. Node and Electron export these functions but ship no headers; libuv has kept them
 * binary compatible throughout version 1 (since 2014). Handles are opaque here: their size is queried at run time.
 */
#ifndef HAMLET_UV_POLL_H
#define HAMLET_UV_POLL_H

#include <stddef.h>

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;

enum { UV_POLL = 8 };                       /* uv_handle_type */
enum { UV_READABLE = 1, UV_WRITABLE = 2 };  /* uv_poll_event */

typedef void (*uv_poll_cb)(uv_poll_t *handle, int status, int events);
typedef void (*uv_close_cb)(uv_handle_t *handle);

size_t uv_handle_size(int type);
void uv_handle_set_data(uv_handle_t *handle, void *data);
void *uv_handle_get_data(const uv_handle_t *handle);
int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);
int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb callback);
void uv_close(uv_handle_t *handle, uv_close_cb callback);
const char *uv_err_name(int negative_errno);

#endif
