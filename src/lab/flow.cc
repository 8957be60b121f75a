#include "lab/flow.h"

#include <bit>
#include <utility>

std::size_t std::hash<warren::lab::Flow>::operator()(const warren::lab::Flow& flow) const noexcept {
  // The rotation tells a flow from its reverse.
  const std::hash<warren::Endpoint> endpoint;
  return std::rotl(endpoint(flow.source), 1) ^ endpoint(flow.destination) ^
         std::to_underlying(flow.protocol);
}
