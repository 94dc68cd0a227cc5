/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLPIPE_TESTS_UNIT_REMOVE_TREE_H
#define OTLPIPE_TESTS_UNIT_REMOVE_TREE_H

/** Remove a directory with all that is in it; links are not followed. 0, or -1 and errno. */
int remove_tree(const char *path);

#endif
