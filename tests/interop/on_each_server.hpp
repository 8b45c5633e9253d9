// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/front_servers.hpp"
#include "interop/servers/guarded_servers.hpp"
#include "support/catch.hpp"

#include <string>
#include <type_traits>
#include <utility>

namespace sluice::test {

/// Registers one test case for each of `servers` (that `wanted` accepts), named `SERVER: NAME`, so that
/// ctest shows, selects and times them one by one.
template <const auto& servers, auto test>
class on_each_of {
public:
    using server = std::remove_cvref_t<decltype(servers[0])>;
    using condition = bool (*)(const server&);

    explicit on_each_of(
        const std::string& name, const std::string& tags = "",
        condition wanted = [](const server&) { return true; })
    {
        register_all(name, tags, wanted, std::make_index_sequence<std::size(servers)>());
    }

private:
    template <std::size_t index>
    static void run()
    {
        test(servers[index]);
    }

    template <std::size_t index>
    static void register_one(const std::string& name, const std::string& tags, condition wanted)
    {
        if (!wanted(servers[index]))
            return;
        const std::string full = std::string(servers[index].name) + ": " + name;
        REGISTER_TEST_CASE(run<index>, full, tags);
    }

    template <std::size_t... indexes>
    static void register_all(const std::string& name, const std::string& tags, condition wanted,
                             std::index_sequence<indexes...>)
    {
        (register_one<indexes>(name, tags, wanted), ...);
    }
};

/// For each front server:
///
///     void hello(const front_server& front) { … }
///     const on_each_server<hello> hello_tests("R28: GET /hello", "[urls]");
template <void (*test)(const front_server&)>
using on_each_server = on_each_of<front_servers, test>;

/// For each server that asks the guard.
template <void (*test)(const guarded_server&)>
using on_each_guarded = on_each_of<guarded_servers, test>;

} // namespace sluice::test
