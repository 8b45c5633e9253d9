// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>

namespace sluice::detail {

/// Base of what handles share. When the last handle goes, `unreferenced` decides what becomes of the object:
/// it may be used again instead of being deleted.
class ref_counted {
public:
    ref_counted(const ref_counted&) = delete;
    ref_counted& operator=(const ref_counted&) = delete;

    friend void intrusive_ptr_add_ref(ref_counted* p) noexcept { p->count_.fetch_add(1, std::memory_order_relaxed); }
    friend void intrusive_ptr_release(ref_counted* p) noexcept
    {
        if (p->count_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            p->unreferenced();
    }

protected:
    ref_counted() = default;
    virtual ~ref_counted() = default;
    /// Deletes unless overridden. (Not inline: GCC 12 warns wrongly of a delete through a virtual base.)
    virtual void unreferenced() noexcept;

private:
    std::atomic<int> count_{0};
};

} // namespace sluice::detail
