#pragma once

#include <functional>
#include <map>
#include <string>

#include <sys/types.h>

// HTTP between programs of one machine, over a Unix socket (spec: node-features section 17.1).
namespace warren::io {

// Who is at the other end, as the kernel says (SO_PEERCRED).
struct PeerCredentials {
  uid_t user = 0;
  gid_t group = 0;
  pid_t process = 0;
};

struct LocalRequest {
  std::string method;
  std::string path;                          // as it was sent, without the query
  std::map<std::string, std::string> query;  // decoded; of a repeated name the first
  std::string body;
  PeerCredentials peer;
};

struct LocalResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body = {};
};

// What a handler answers with, now or later, on the server's strand. Either finish(), or begin(),
// any number of write(), and end(). Dropped before that: a 500, or the stream is cut. It may
// outlive its server; then nothing arrives.
class LocalReply {
 public:
  LocalReply() = default;
  LocalReply(const LocalReply&) = delete;
  LocalReply& operator=(const LocalReply&) = delete;
  virtual ~LocalReply() = default;

  virtual void finish(LocalResponse response) = 0;

  // A stream (chunked) of which the client gets each piece at once.
  virtual void begin(unsigned status, std::string content_type) = 0;
  // False: the client is gone, or has left too much untaken and is cut off. Nothing more arrives.
  virtual bool write(std::string chunk) = 0;
  virtual void end() = 0;

  // Called once, never inside a call of the reply's, when the client goes, or the server stops,
  // before the answer is complete.
  virtual void on_gone(std::function<void()> handler) = 0;
};

}  // namespace warren::io
