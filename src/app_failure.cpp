// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/app_failure.hpp>

#include <sluice/environment.hpp>
#include <sluice/errc.hpp>
#include <sluice/log.hpp>

namespace sluice::detail {

app_failure::app_failure(const std::exception_ptr& e)
{
    try {
        std::rethrow_exception(e);
    } catch (const system_error& error) {
        what = error.what();
        status = status_of(
            error.code()); // what the client sent is answered as that, whoever finds it out (errc.hpp)
    } catch (const std::exception& error) {
        what = error.what();
    } catch (...) {
        what = "an exception that is no std::exception";
    }
}

void app_failure::log(std::uint64_t id, const environment& env, bool answered) const
{
    if (answered && status != 500)
        log::warning("#{} {} {}: answered with {}: {}", id, env.method(), env.request_uri(), status, what);
    else
        log::error("#{} {} {}: the app failed: {}", id, env.method(), env.request_uri(), what);
}

} // namespace sluice::detail
