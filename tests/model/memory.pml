/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory with a buffer of stores for each processor, for the models that are about order.
 *
 * A store goes into its processor's buffer; the process `memory` lets stores become visible later,
 * one by one. Stores to one address keep their order. Stores to different addresses change places
 * freely, as on arm64, unless a barrier stands between them; with -DTSO they never do, as on
 * x86-64. A load sees the youngest store of its own processor, or else memory.
 */
#define CPUS	2
#define BUFFERS 8

typedef cpu_buffer {
	byte address[BUFFERS];
	byte value[BUFFERS];
	byte epoch[BUFFERS]; /* stores of a higher one wait for all of a lower one */
	byte count;
	byte now;
};

byte mem[ADDRESSES];
cpu_buffer cpu[CPUS];

inline store_relaxed(p, a, v)
{
	d_step {
		assert(cpu[p].count < BUFFERS);
		cpu[p].address[cpu[p].count] = a;
		cpu[p].value[cpu[p].count] = v;
		cpu[p].epoch[cpu[p].count] = cpu[p].now;
		cpu[p].count++
	}
}

/* Between stores of this processor: release's half, and the store fence. */
inline barrier(p)
{
	d_step { cpu[p].now++ }
}

inline store_release(p, a, v)
{
	barrier(p);
	store_relaxed(p, a, v)
}

inline load(p, a, ret)
{
	d_step {
		ret = mem[a];
		m_i = 0;
		do
		:: m_i < cpu[p].count ->
			if
			:: cpu[p].address[m_i] == a -> ret = cpu[p].value[m_i]
			:: else
			fi;
			m_i++
		:: else -> break
		od;
		m_i = 0
	}
}

/* Everything that this processor has stored is visible: a system call, a locked instruction. */
#define drained(p) (cpu[p].count == 0)

hidden byte m_i, m_j, m_ok;

inline make_visible(p, k)
{
	d_step {
		mem[cpu[p].address[k]] = cpu[p].value[k];
		m_i = k;
		do
		:: m_i + 1 < cpu[p].count ->
			cpu[p].address[m_i] = cpu[p].address[m_i + 1];
			cpu[p].value[m_i] = cpu[p].value[m_i + 1];
			cpu[p].epoch[m_i] = cpu[p].epoch[m_i + 1];
			m_i++
		:: else -> break
		od;
		cpu[p].count--;
		cpu[p].address[cpu[p].count] = 0;
		cpu[p].value[cpu[p].count] = 0;
		cpu[p].epoch[cpu[p].count] = 0;
		m_i = 0;
		if
		:: cpu[p].count == 0 -> cpu[p].now = 0
		:: else
		fi
	}
}

/* May the k-th store of p become visible next? */
inline is_next(p, k)
{
	d_step {
		m_ok = (k < cpu[p].count);
		m_j = 0;
		do
		:: m_ok && m_j < k ->
			if
			:: cpu[p].epoch[m_j] < cpu[p].epoch[k] || cpu[p].address[m_j] == cpu[p].address[k] ->
				m_ok = 0
			:: else
			fi;
#ifdef TSO
			m_ok = 0;
#endif
			m_j++
		:: else -> break
		od;
		m_j = 0
	}
}

/* One for each processor. */
proctype memory(byte p)
{
	byte k;

end:	do
	:: atomic {
		cpu[p].count > 0 ->
			k = 0;
			do
			:: k + 1 < cpu[p].count -> k++
			:: break
			od;
			is_next(p, k);
			if
			:: m_ok -> m_ok = 0; make_visible(p, k)
			:: else -> m_ok = 0; make_visible(p, 0)
			fi;
			k = 0
	}
	od
}
