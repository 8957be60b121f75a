#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/http_request.h"

namespace warren::io {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

// A whole response with its length. An empty type: no Content-Type. A field whose name or value
// holds a control character is left out, so that what a client sent may be repeated.
std::string http_response(unsigned status,
                          std::string_view content_type,
                          std::string_view body,
                          const HttpFields& fields = {});

// The head of a response of unknown length: chunked, or else it ends with the connection.
std::string http_stream_head(unsigned status,
                             std::string_view content_type,
                             const HttpFields& fields,
                             bool is_chunked);

// A response of http_response() as an answer to this request: without its body for HEAD, and with
// "Connection: close" when nothing follows on the connection.
std::string fit_response(std::string response, const HttpRequest& request, bool is_last);

}  // namespace warren::io
