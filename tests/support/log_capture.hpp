// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <memory>
#include <sstream>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace sluice::test {

/// Takes the log of the process, from level info on, for as long as it lives: tests stay silent and may look at what was
/// said. A line is "level text".
class log_capture {
public:
    log_capture();
    ~log_capture();
    log_capture(const log_capture&) = delete;
    log_capture& operator=(const log_capture&) = delete;

    std::string text() const { return out_.str(); }
    bool contains(std::string_view words) const { return text().find(words) != std::string::npos; }
    void clear() { out_.str({}); }

private:
    std::ostringstream out_;
    std::shared_ptr<spdlog::logger> before_;
};

} // namespace sluice::test
