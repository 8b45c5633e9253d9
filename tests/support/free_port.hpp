// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>

namespace sluice::test {

/// A TCP port of 127.0.0.1 that is ours as long as the object lives.
///
/// The object keeps a socket bound to the port, with SO_REUSEADDR and never listening. So the
/// kernel gives the port to nobody who asks for any port, while a server that names the port and
/// sets SO_REUSEADDR too (they all do) can bind it and listen.
class free_port {
public:
    free_port();
    ~free_port();
    free_port(const free_port&) = delete;
    free_port& operator=(const free_port&) = delete;

    std::uint16_t number() const noexcept { return number_; }

private:
    int fd_ = -1;
    std::uint16_t number_ = 0;
};

} // namespace sluice::test
