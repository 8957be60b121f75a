#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace warren::io {

// For a connection that carries packets to and from a relay (spec: paths section 2.5, data-plane
// section 6): no delay; the kernel takes no more than it can soon send, so that packets wait, and
// are dropped, in our queues; a peer that is gone is noticed. What the system does not know is left
// out.
void set_relay_options(boost::asio::ip::tcp::socket& socket);

}  // namespace warren::io
