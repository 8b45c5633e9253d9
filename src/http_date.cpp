// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/http_date.hpp>
#include <sluice/detail/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sluice::detail {

namespace {

using namespace std::chrono;

constexpr std::string_view day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                          "Thursday", "Friday", "Saturday"};
constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// The first and the last second of the years 0 to 9999.
constexpr std::int64_t first_second = sys_days(year(0) / 1 / 1).time_since_epoch() / seconds(1);
constexpr std::int64_t last_second = sys_days(year(10000) / 1 / 1).time_since_epoch() / seconds(1) - 1;

/// Takes what it is asked for from the front of a text, and keeps in mind whether all of it was there.
class scanner {
public:
    explicit scanner(std::string_view text) : rest_(text) {}

    bool fits() const noexcept { return fits_; }
    bool ended() const noexcept { return fits_ && rest_.empty(); }

    /// `pattern` is taken as it is: HTTP-date is case sensitive.
    void skip(std::string_view pattern)
    {
        if (rest_.starts_with(pattern))
            rest_.remove_prefix(pattern.size());
        else
            fits_ = false;
    }

    unsigned digits(std::size_t n)
    {
        if (rest_.size() < n ||
            !std::all_of(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(n), text::is_digit))
        {
            fits_ = false;
            return 0;
        }
        unsigned value = 0;
        for (; n > 0; --n, rest_.remove_prefix(1))
            value = value * 10 + static_cast<unsigned>(rest_.front() - '0');
        return value;
    }

    /// asctime's day of the month: a digit may be a space.
    unsigned padded_digits()
    {
        if (!rest_.starts_with(' '))
            return digits(2);
        rest_.remove_prefix(1);
        return digits(1);
    }

    unsigned month()
    {
        const auto name = rest_.substr(0, 3);
        const auto at = std::find(std::begin(month_names), std::end(month_names), name);
        if (at == std::end(month_names)) {
            fits_ = false;
            return 0;
        }
        rest_.remove_prefix(3);
        return static_cast<unsigned>(at - std::begin(month_names)) + 1;
    }

    seconds time()
    {
        const auto h = digits(2);
        skip(":");
        const auto m = digits(2);
        skip(":");
        const auto s = digits(2);
        fits_ = fits_ && h < 24 && m < 60 && s <= 60; // 60: a leap second
        return hours(h) + minutes(m) + seconds(s);
    }

private:
    std::string_view rest_;
    bool fits_ = true;
};

std::optional<std::time_t> join(const scanner& s, int y, unsigned m, unsigned d, seconds time)
{
    const auto date = year(y) / static_cast<int>(m) / static_cast<int>(d);
    if (!s.ended() || !date.ok())
        return std::nullopt;
    return static_cast<std::time_t>((sys_days(date) + time).time_since_epoch().count());
}

int year_of(std::time_t when)
{
    const auto inside = std::clamp<std::int64_t>(when, first_second, last_second);
    return static_cast<int>(year_month_day(floor<days>(sys_seconds(seconds(inside)))).year());
}

std::optional<std::time_t> parse_imf(scanner s)
{
    s.skip(", ");
    const auto d = s.digits(2);
    s.skip(" ");
    const auto m = s.month();
    s.skip(" ");
    const auto y = s.digits(4);
    s.skip(" ");
    const auto time = s.time();
    s.skip(" GMT");
    return join(s, static_cast<int>(y), m, d, time);
}

std::optional<std::time_t> parse_rfc850(scanner s, std::time_t now)
{
    s.skip(", ");
    const auto d = s.digits(2);
    s.skip("-");
    const auto m = s.month();
    s.skip("-");
    const auto y = s.digits(2);
    s.skip(" ");
    const auto time = s.time();
    s.skip(" GMT");
    const int this_year = year_of(now);
    int full = this_year - this_year % 100 + static_cast<int>(y);
    if (full > this_year + 50)
        full -= 100;
    else if (full <= this_year - 50)
        full += 100;
    return join(s, full, m, d, time);
}

std::optional<std::time_t> parse_asctime(scanner s)
{
    s.skip(" ");
    const auto m = s.month();
    s.skip(" ");
    const auto d = s.padded_digits();
    s.skip(" ");
    const auto time = s.time();
    s.skip(" ");
    const auto y = s.digits(4);
    return join(s, static_cast<int>(y), m, d, time);
}

} // namespace

std::string format_http_date(std::time_t when)
{
    const sys_seconds t{seconds(std::clamp<std::int64_t>(when, first_second, last_second))};
    const auto midnight = floor<days>(t);
    const year_month_day date(midnight);
    const hh_mm_ss time(t - midnight);
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", day_names[weekday(midnight).c_encoding()].substr(0, 3),
        static_cast<unsigned>(date.day()), month_names[static_cast<unsigned>(date.month()) - 1],
        static_cast<int>(date.year()), time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::optional<std::time_t> parse_http_date(std::string_view text, std::time_t now)
{
    for (const auto name : day_names) {
        if (text.starts_with(name)) // before the short name that it begins with
            return parse_rfc850(scanner(text.substr(name.size())), now);
        if (!text.starts_with(name.substr(0, 3)))
            continue;
        const scanner rest(text.substr(3));
        return text.substr(3).starts_with(',') ? parse_imf(rest) : parse_asctime(rest);
    }
    return std::nullopt;
}

} // namespace sluice::detail
