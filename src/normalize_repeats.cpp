// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "normalize_steps.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace sluice::normalizing {
namespace {

/// A repeated request header as one value (RFC 9110 section 5.3; RFC 6265 section 5.4 for Cookie).
void join(environment& env, std::span<const std::uint32_t> positions)
{
    const std::string_view separator = env[positions.front()].name == "HTTP_COOKIE" ? "; " : ", ";
    std::string all;
    for (const std::uint32_t i : positions) {
        const std::string_view value = env[i].value;
        if (value.empty())
            continue;
        if (!all.empty())
            all += separator;
        all += value;
    }
    env.set_at(positions.front(), all);
}

fault fold(environment& env, std::span<const std::uint32_t> positions, std::vector<bool>& drop)
{
    const std::string_view name = env[positions.front()].name;
    std::uint32_t keep = positions.back(); // nginx: a later fastcgi_param overrides

    if (name.starts_with("HTTP_")) {
        // Two Hosts are an attempt to be seen as different sites by different readers (RFC 9112 section 3.2).
        if (name == "HTTP_HOST")
            return "HTTP_HOST came twice: a request names one host";

        // lighttpd joins what a client repeats. Of it, two variables of one name are two headers that differ
        // only by '-' and '_' (or another sign): one may be the trusted proxy's and the other forged, in
        // either order. Joined, the forged one would be believed; dropped, the trusted one would be missed.
        if (env.get("SERVER_SOFTWARE").starts_with("lighttpd"))
            return complaint(
                name, "came twice from lighttpd, as from headers that differ only by - and _; the last is",
                env[positions.back()].value);

        join(env, positions);
        keep = positions.front();
    }
    for (const std::uint32_t i : positions)
        drop[i] = i != keep;
    return std::nullopt;
}

} // namespace

fault fold_repeats(environment& env)
{
    // Sorted, because a peer may send as many names as limits::params_count allows.
    std::array<std::byte, 1024> stack;
    std::pmr::monotonic_buffer_resource memory(stack.data(), stack.size());
    std::pmr::vector<std::uint32_t> order(env.size(), &memory);
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&env](std::uint32_t a, std::uint32_t b) {
        const int by_name = env[a].name.compare(env[b].name);
        return by_name != 0 ? by_name < 0 : a < b;
    });

    std::vector<bool> drop; // made only when something repeats
    for (std::size_t first = 0; first < order.size();) {
        std::size_t end = first + 1;
        while (end < order.size() && env[order[end]].name == env[order[first]].name)
            ++end;
        if (end - first > 1) {
            drop.resize(env.size());
            if (fault f = fold(env, std::span(order).subspan(first, end - first), drop))
                return f;
        }
        first = end;
    }
    if (!drop.empty())
        env.erase_positions([&drop](std::size_t i) { return drop[i]; });
    return std::nullopt;
}

} // namespace sluice::normalizing
