/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reference into a region's table that one thread makes and another uses
 * (shm/region.c, core/table.c): the record that carries it may not be seen
 * before the entry. The first thread's stores reach the memory in any order but
 * over a release.
 *
 *   FAULT_…  without that release: an error must be found
 */
#define PAYLOAD	  0
#define WORD	  1
#define REFERENCE 2

bool memory[3];
bool record; /* committed by the second thread, with the reference */

/* region_table_add(), then table_entry_reference(): each store when it is seen. */
proctype Adder()
{
	do
	:: !memory[PAYLOAD] -> memory[PAYLOAD] = true
	:: memory[PAYLOAD] && !memory[WORD] -> memory[WORD] = true
#ifdef FAULT_NO_RELEASE_TABLE_REFERENCE
	:: !memory[REFERENCE] -> memory[REFERENCE] = true
#else
	:: memory[PAYLOAD] && memory[WORD] && !memory[REFERENCE] -> memory[REFERENCE] = true
#endif
	:: memory[PAYLOAD] && memory[WORD] && memory[REFERENCE] -> break
	od
}

proctype User()
{
	memory[REFERENCE];
	record = true
}

/* table_find(): what is not there makes the record invalid. */
proctype Reader()
{
	record;
	assert(memory[WORD]);
	assert(memory[PAYLOAD])
}

init {
	atomic { run Adder(); run User(); run Reader() }
}
