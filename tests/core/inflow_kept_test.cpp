// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What is looked at in place, and what is kept to be read again.
#include <sluice/inflow.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <random>
#include <string>
#include <string_view>

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr std::size_t block = 4096;

std::span<const std::byte> bytes_of(std::string_view s)
{
    return std::as_bytes(std::span(s.data(), s.size()));
}

std::string_view text_of(std::span<const std::byte> s)
{
    return {reinterpret_cast<const char*>(s.data()), s.size()};
}

limits make_limits(std::size_t blocks)
{
    limits l;
    l.input_window = blocks * block;
    return l;
}

// One inflow beside what it should be, with what each step may do drawn by lot.
class model {
public:
    explicit model(unsigned seed, std::size_t blocks)
        : pool_(8 * block, block), in_(pool_, make_limits(blocks)), random_(seed), window_(blocks)
    {
        REQUIRE(in_.reserve());
    }

    void step()
    {
        switch (random_() % 6) {
        case 0:
        case 1: return arrive();
        case 2: return read();
        case 3: return look();
        case 4: return in_.kept() ? seek() : keep();
        default: return check();
        }
    }
    void check() const
    {
        CHECK(in_.size() == all_.size() - at_);
        CHECK(pool_.stats().in_use <= window_ + 1); // and the block that is looked at
        if (in_.kept())
            CHECK(in_.position() == at_);
    }
    bool kept() const { return in_.kept(); }
    bool in_file() const { return in_.spilled() > 0; }

private:
    void arrive()
    {
        const auto piece = piece_at(all_.size(), random_() % (random_() % 3 == 0 ? 6000 : 300));
        if (random_() % 2 == 0 && piece.size() <= in_.credit())
            in_.push(bytes_of(piece));
        else
            CHECK_FALSE(in_.spill(bytes_of(piece)));
        all_ += piece;
    }
    void read()
    {
        std::string to(random_() % 9000, '?');
        error_code ec;
        const auto n = in_.read(std::as_writable_bytes(std::span(to)), ec);
        CHECK_FALSE(ec);
        CHECK(n == std::min(to.size(), all_.size() - at_));
        CHECK((to.substr(0, n) == all_.substr(at_, n))); // a CHECK of the bytes would print them
        at_ += n;
    }
    void look()
    {
        error_code ec;
        const auto view = in_.front(ec);
        CHECK_FALSE(ec);
        CHECK(view.empty() == (at_ == all_.size()));
        CHECK((text_of(view) == all_.substr(at_, view.size())));
        const auto again = in_.front(ec);
        CHECK((again.data() == view.data() && again.size() == view.size())); // until it is consumed
        while (random_() % 2 == 0)
            arrive();
        CHECK((text_of(again) == all_.substr(at_, again.size()))); // whatever comes meanwhile
        const auto n = random_() % 3 == 0 ? again.size() : again.empty() ? 0 : random_() % again.size();
        in_.consume(n);
        at_ += n;
    }
    void keep()
    {
        if (at_ > 0)
            return;
        CHECK_FALSE(in_.keep());
        CHECK(in_.kept());
    }
    void seek()
    {
        const auto to = random_() % (all_.size() + 100);
        in_.seek(to);
        at_ = std::min<std::size_t>(to, all_.size());
    }

    buffer_pool pool_;
    inflow in_;
    std::mt19937 random_;
    std::size_t window_;
    std::string all_;
    std::size_t at_ = 0;
};

} // namespace

TEST_CASE("R18: an inflow, kept or not, read and looked at from anywhere, gives what came")
{
    int kept = 0;
    int kept_in_file = 0;
    for (unsigned seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        model m(seed, 1 + seed % 4);
        for (int i = 0; i < 60; ++i)
            m.step();
        m.check();
        kept += m.kept() ? 1 : 0;
        kept_in_file += m.kept() && m.in_file() ? 1 : 0;
    }
    CHECK(kept > 50);
    CHECK(kept_in_file > 20);
    CHECK(kept_in_file < kept);
}

TEST_CASE("R18: what is kept lies in blocks up to the window, and then in the file alone")
{
    for (const bool spilled_before : {false, true}) {
        CAPTURE(spilled_before);
        buffer_pool pool(8 * block, block);
        inflow in(pool, make_limits(2));
        REQUIRE(in.reserve());
        const auto all = text_of_size(3 * block);
        if (spilled_before)
            CHECK_FALSE(in.spill(bytes_of(all))); // as where another request shares the connection
        CHECK_FALSE(in.keep());
        if (!spilled_before) {
            CHECK_FALSE(in.spill(bytes_of(std::string_view(all).substr(0, 2 * block - 100))));
            CHECK(pool.stats().in_use == 2);
            CHECK(in.spilled() == 0);
            CHECK_FALSE(in.spill(bytes_of(std::string_view(all).substr(2 * block - 100))));
        }
        CHECK(pool.stats().in_use == 0);
        CHECK(in.spilled() == all.size());
        std::string got(all.size(), '?');
        error_code ec;
        for (int i = 0; i < 2; ++i) {
            in.seek(0);
            CHECK(in.read(std::as_writable_bytes(std::span(got)), ec) == all.size());
            CHECK((got == all));
            CHECK(in.size() == 0);
            CHECK(in.spilled() == all.size());
        }
        in.reset();
        CHECK(in.spilled() == 0);
    }
}

TEST_CASE("R18: bytes that are looked at outlive the stream, until it is used again")
{
    for (const bool keep : {false, true}) {
        for (const std::size_t size : {std::size_t{100}, 3 * block}) {
            CAPTURE(keep, size);
            buffer_pool pool(8 * block, block);
            inflow in(pool, make_limits(2));
            REQUIRE(in.reserve());
            if (keep)
                CHECK_FALSE(in.keep());
            const auto all = text_of_size(size);
            CHECK_FALSE(in.spill(bytes_of(all)));
            error_code ec;
            const auto view = in.front(ec);
            REQUIRE_FALSE(view.empty());
            in.drop(); // the client has left
            CHECK(in.size() == 0);
            CHECK(pool.stats().in_use == 1);
            // Others get blocks meanwhile, and write to them.
            buffer_pool::account other(pool);
            std::vector<buffer_pool::block> blocks;
            while (auto b = other.acquire()) {
                std::memset(b.data(), '#', pool.capacity());
                blocks.push_back(std::move(b));
            }
            CHECK((text_of(view) == all.substr(0, view.size())));
            in.consume(view.size());
            CHECK(in.size() == 0);
            in.reset();
            blocks.clear();
            CHECK(pool.stats().in_use == 0);
        }
    }
}
