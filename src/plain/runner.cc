#include "plain/runner.h"

#include <boost/asio/io_context.hpp>

#include "plain/session.h"

namespace warren::plain {

Result<void> run(const RunOptions& options,
                 Random& random,
                 const WallClock& wall_clock,
                 Log& log,
                 const std::function<void(const Ready&)>& ready) {
  boost::asio::io_context loop(1);
  Session session(loop, options, random, wall_clock, log);
  WARREN_TRY(const Ready device, session.start());
  ready(device);
  loop.run();
  return session.outcome();
}

}  // namespace warren::plain
