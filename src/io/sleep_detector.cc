#include "io/sleep_detector.h"

#include <ctime>

#include "io/clock.h"

namespace warren::io {

Duration SleepDetector::read_asleep() {
  timespec awake{};
  static_cast<void>(clock_gettime(CLOCK_MONOTONIC, &awake));
  return boot_now().time_since_epoch() - std::chrono::seconds(awake.tv_sec) -
         std::chrono::nanoseconds(awake.tv_nsec);
}

}  // namespace warren::io
