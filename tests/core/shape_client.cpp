// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/shapes.hpp"

namespace sluice::test {

namespace {

class host_client final : public shape_client {
public:
    explicit host_client(const application& app) : loop_(app), host_(loop_) {}

    void ask(std::string_view method) override
    {
        host_.stall();
        host_.request(method);
    }
    void read(std::size_t n) override { host_.take(n); }
    void leave() override { host_.leave(); }
    bool ended() override { return host_.ended(); }
    bool ended_well() override { return host_.ended_well(); }
    int status() override { return host_.status(); }
    std::string head() override { return host_.head(); }
    std::string body() override { return host_.body(); }
    fake_loop& loop() override { return loop_; }

private:
    fake_loop loop_;
    fake_host host_;
};

} // namespace

std::unique_ptr<shape_client> make_shape_client(const application& app)
{
    return std::make_unique<host_client>(app);
}

std::vector<shape> all_shapes()
{
    return core_shapes();
}

} // namespace sluice::test
