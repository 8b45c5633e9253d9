// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace sluice {

/// Writes the log to stderr and does not stand still with it: a reader of a pipe, as a log rotator is, that has stopped
/// reading would else stop every request, and the signals too. It gets 100 ms to go on; from then on lines are dropped
/// until it does, and counted.
class stderr_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    stderr_sink();
    ~stderr_sink() override;

private:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

    bool has_room();
    bool write(std::string_view text);
    bool write_rest();

    int fd_;
    bool own_ = false; ///< a descriptor of ours that never blocks, not stderr itself
    bool is_socket_ = false;
    bool stuck_ = false;
    std::uint64_t lost_ = 0;
    std::string rest_; ///< of a line longer than the room there was
};

} // namespace sluice
