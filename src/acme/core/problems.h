#pragma once

#include <optional>
#include <string>

#include "acme/core/messages.h"

// What an authority's refusals mean for whoever runs the server, in sentences that say what to do.
namespace warren::acme {

// It could not be shown by this method that the name is ours.
std::string explain_validation(Method method, const std::string& name, const Problem& problem);

// Any other request was refused. `doing`: such as "order a certificate".
std::string explain_refusal(const std::string& doing,
                            const std::string& authority,
                            unsigned status,
                            const Problem& problem);

// Whether trying again as it is may help: the authority is busy, or limits how often it is asked.
bool is_passing(unsigned status, const Problem& problem);

}  // namespace warren::acme
