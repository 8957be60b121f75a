#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "base/time.h"
#include "io/http_answer.h"
#include "io/run_blocking.h"
#include "io/tls_client.h"

namespace warren::io {

// Where, and what is asked there.
struct HttpsRequest {
  std::string host;  // a name or an address without brackets
  std::uint16_t port = 443;
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> fields;  // beside Host, and what says the length
  std::string body;
  std::size_t max_answer = std::size_t{64} << 10;  // of the answer's body
};

// One request on a connection of its own, and the whole answer. The server's certificate is checked
// against the context's roots. Redirects are an answer like any other.
//
// An error says what failed, with whom, and what may be wrong. `lookups` and `tls` outlive the
// call.
boost::asio::awaitable<Result<HttpAnswer>> https_exchange(BlockingPool& lookups,
                                                          TlsContext& tls,
                                                          HttpsRequest request,
                                                          TimePoint deadline);

}  // namespace warren::io
