#include "io/http_routes.h"

#include <utility>

#include "io/http_response.h"

namespace warren::io {

HttpRoutes::HttpRoutes()
    : otherwise_([](const HttpRequest&, const Endpoint&) {
        return http_response(404, "text/plain; charset=utf-8", "not found\n");
      }) {}

void HttpRoutes::take(std::string path, Taker taker, Legs legs) {
  Route& route = routes_[std::move(path)];
  route.taker = std::move(taker);
  route.legs = legs;
}

void HttpRoutes::page(std::string path, Page page) {
  routes_[std::move(path)].page = std::move(page);
}

void HttpRoutes::otherwise(Page page) {
  otherwise_ = std::move(page);
}

HttpRoutes::Found HttpRoutes::find(std::string_view path, bool is_pages_only) const {
  // The path itself, then the folders it is in, from the inside out.
  for (std::string_view at = path; !at.empty();) {
    const auto route = routes_.find(at);
    if (route != routes_.end()) {
      const bool may_take = !is_pages_only || route->second.legs == Legs::Both;
      if (route->second.taker && may_take) return {.taker = &route->second.taker};
      if (route->second.page) return {.page = &route->second.page};
    }
    const std::size_t slash = at.substr(0, at.size() - 1).rfind('/');
    if (slash == std::string_view::npos || slash == 0) break;
    at = at.substr(0, slash + 1);
  }
  return {.page = &otherwise_};
}

}  // namespace warren::io
