// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/log.hpp>

#include <spdlog/spdlog.h>

namespace sluice::log {

namespace {

spdlog::level::level_enum to_spdlog(level l) noexcept
{
    switch (l) {
    case level::trace: return spdlog::level::trace;
    case level::debug: return spdlog::level::debug;
    case level::info: return spdlog::level::info;
    case level::warning: return spdlog::level::warn;
    case level::error: break;
    }
    return spdlog::level::err;
}

} // namespace

bool enabled(level l) noexcept
{
    return spdlog::default_logger_raw()->should_log(to_spdlog(l));
}

void write(level l, std::string_view text)
{
    spdlog::default_logger_raw()->log(to_spdlog(l), spdlog::string_view_t(text.data(), text.size()));
}

} // namespace sluice::log
