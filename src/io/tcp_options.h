#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace warren::io {

// For a connection that carries packets to and from a relay (spec: paths section 2.5, data-plane
// section 6): no delay; the kernel takes no more than it can soon send, so that packets wait, and
// are dropped, in our queues; a peer that is gone is noticed. What the system does not know is left
// out.
void set_relay_options(boost::asio::ip::tcp::socket& socket);

// For a machine's connection to the coordination server (spec: server section 1.6, control section
// 3.1), which says little for days: no delay; what is not sent yet waits in our queues, where it is
// merged; a peer that is gone is noticed, without waking a phone more often than its server does.
void set_control_options(boost::asio::ip::tcp::socket& socket);

}  // namespace warren::io
