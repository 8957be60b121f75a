#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ip_address.h"
#include "io/byte_stream.h"
#include "io/http_request.h"

namespace warren::io {

// A request whose connection is handed over.
struct HttpConnection {
  std::unique_ptr<ByteStream> stream;
  HttpRequest request;
  std::vector<std::uint8_t> received;  // bytes behind the head
  Endpoint source;                     // who connected
  bool is_tls = false;
};

// Which handler serves which path of a Listener. main/ fills it in before listening; it does not
// change afterwards. What the handlers refer to outlives the listeners.
//
// A path stands for itself; one that ends with '/' also for every path below it ("/" is only the
// front page: otherwise() serves the rest). The longest path that fits wins; a handler that is
// registered again replaces the earlier one.
class HttpRoutes {
 public:
  // Takes the connection over: an upgrade.
  using Taker = std::function<boost::asio::awaitable<void>(HttpConnection)>;
  // A whole response: http_response(). The listener leaves out the body for HEAD.
  using Page = std::function<std::string(const HttpRequest& request, const Endpoint& source)>;

  enum class Legs : std::uint8_t {
    Both,
    TlsOnly,  // not on ListenerKind::Pages: what is there then is a page, or nothing
  };

  HttpRoutes();

  void take(std::string path, Taker taker, Legs legs = Legs::Both);
  void page(std::string path, Page page);
  // What no path fits. At first: 404, as text.
  void otherwise(Page page);

  // One of both is null.
  struct Found {
    const Taker* taker = nullptr;
    const Page* page = nullptr;
  };

  Found find(std::string_view path, bool is_pages_only) const;

 private:
  struct Route {
    Taker taker;
    Legs legs = Legs::Both;
    Page page;
  };

  std::map<std::string, Route, std::less<>> routes_;
  Page otherwise_;
};

}  // namespace warren::io
