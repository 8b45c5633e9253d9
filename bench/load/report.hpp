// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

// One JSON object, its members in the order they were added.
class report {
public:
    void add(std::string_view name, std::string_view text);
    void add(std::string_view name, const char* text) { add(name, std::string_view{text}); }
    void add(std::string_view name, double value);
    void add(std::string_view name, std::uint64_t value);
    void add(std::string_view name, const std::vector<double>& values);
    void add(std::string_view name, const std::vector<std::uint64_t>& values);

    [[nodiscard]] std::string str() const { return "{" + body_ + "}"; }

private:
    friend class error_tally;
    void add_raw(std::string_view name, std::string_view json);

    std::string body_;
};

// Everything that went wrong, by kind: one wrong answer makes the whole run a failed one.
class error_tally {
public:
    void add(const std::string& kind) { ++kinds_[kind]; }
    [[nodiscard]] std::uint64_t total() const;
    void add_to(report& out) const;

private:
    std::map<std::string, std::uint64_t> kinds_;
};

[[nodiscard]] double median(std::vector<double> values);

} // namespace bench
