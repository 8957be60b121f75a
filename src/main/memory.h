#pragma once

#include <boost/asio/awaitable.hpp>

namespace warren {

// Gives free memory back to the system, now and then, until it is cancelled: what joining and large
// maps needed for a moment. A program of ours is idle most of its life.
boost::asio::awaitable<void> give_memory_back();

}  // namespace warren
