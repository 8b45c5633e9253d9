// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/log_capture.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

namespace sluice::test {

log_capture::log_capture() : before_(spdlog::default_logger())
{
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_, true));
    logger->set_level(spdlog::level::info);
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(logger));
}

log_capture::~log_capture()
{
    spdlog::set_default_logger(before_);
}

} // namespace sluice::test
