/* One ZeroMQ socket with all limits set: a ROUTER that listens or a DEALER that connects.
 *
 * Frames are one part each (behind a ROUTER's route), sealed straight into ZeroMQ's memory and
 * opened in it. What strangers can do to a socket is bounded here: message size, useless frames,
 * time to finish a ZMTP handshake, silence. Used by the link and by the client. */
#ifndef SW_TRANSPORT_PORT_ZMQ_H
#define SW_TRANSPORT_PORT_ZMQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "transport/outbox.h"

enum sw_port_kind { SW_PORT_ROUTER, SW_PORT_DEALER };

struct sw_port;

/* A ZeroMQ context, with one I/O thread; NULL if there is none to be had. */
void *sw_port_context_new(void);
/* Waits until all sockets are gone; accepts NULL. All ports must be freed before. */
void sw_port_context_free(void *context);

enum sw_err sw_port_new(void *context,
                        enum sw_port_kind kind,
                        bool ipv6,
                        struct sw_port **ret_port,
                        char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* What was not sent yet is dropped, unless sw_port_linger gave it time; accepts NULL. */
void sw_port_free(struct sw_port *port);
/* After the port is freed, freeing the context waits so long for what is still to be sent. */
void sw_port_linger(struct sw_port *port, uint32_t ms);

/* `address`: "host:port", "[v6]:port", "*:port"; port 0 = any free one. `ret_bound` is the same
 * with the real port. ADDRESS_IN_USE, INVALID, PERMISSIONS, UNREACHABLE (no such interface). */
enum sw_err sw_port_bind(struct sw_port *port,
                         const char *address,
                         char ret_bound[SW_ADDRESS_SIZE_MAX],
                         char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* Begins to connect, and goes on for ever: a node that is not there yet is no error. */
enum sw_err sw_port_connect(struct sw_port *port, const char *address, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;

/* ZMQ_FD: edge-triggered; any call on the port may swallow an edge. So a port that was used since
 * it was last found empty is dirty, and is asked by sw_port_readable; of a clean one the descriptor
 * tells, and asking it would only cost system calls. */
int sw_port_fd(const struct sw_port *port);
bool sw_port_dirty(const struct sw_port *port);
bool sw_port_readable(struct sw_port *port);
/* Takes one frame, valid until the next take; `ret_route` is empty for a DEALER. NOT_FOUND: nothing
 * there; MALFORMED: something was there and had the wrong number of parts: dropped. */
enum sw_err sw_port_take(struct sw_port *port,
                         struct sw_route *ret_route,
                         uint8_t **ret_frame,
                         size_t *ret_size) SW_MUST_CHECK;
/* The address that the frame taken last came from, without its port; empty = unknown. Valid until
 * the next take. */
struct sw_span sw_port_from(struct sw_port *port);
/* The frame that was taken last was of use to nobody. A connection with many of these in a row is
 * hung up on: receive queues have no bound of their own (port_zmq.c says why). ROUTER only. */
void sw_port_useless(struct sw_port *port, const struct sw_route *route, size_t size);
/* It was of use: the count of its connection begins anew. */
void sw_port_useful(struct sw_port *port, const struct sw_route *route);
/* Where frames for this port go. A DEALER without a connection answers BUSY, as with a full queue.
 */
struct sw_sink sw_port_sink(struct sw_port *port);

#endif
