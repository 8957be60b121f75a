#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "io/local_http.h"

// Calls to a LocalHttpServer that block, for the command line.
namespace warren::io {

inline constexpr std::size_t kMaxLocalResponse = std::size_t{64} << 20;
inline constexpr std::size_t kMaxLocalLine = std::size_t{16} << 20;  // of a stream
inline constexpr Duration kNoTimeout = Duration::max();

struct LocalCall {
  std::string method = "GET";
  std::string target = {};  // path and query; values by percent_encode() (url_query.h)
  std::string body = {};
  Duration timeout = 10s;  // for all of it
};

// Errors: NotFound (there is no such socket), PermissionDenied, Unavailable (nobody listens there,
// or the connection ended too soon), Timeout. A response is a response, whatever its status.
Result<LocalResponse> call_local(const std::string& socket_path, const LocalCall& call);

// Hands over each line of the answer, without its end, as it comes. Ends with the answer, with the
// call's timeout (Timeout), or when `on_line` returns false. A status other than 200 is an error
// with the text of the answer: PermissionDenied for 403, NotFound for 404, else Unavailable.
Result<void> stream_local(const std::string& socket_path,
                          const LocalCall& call,
                          const std::function<bool(std::string_view line)>& on_line);

}  // namespace warren::io
