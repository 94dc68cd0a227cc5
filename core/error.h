/* SPDX-License-Identifier: Apache-2.0 */
/* From the errno of a system call to a code of the public interface. */
#ifndef OTLPIPE_CORE_ERROR_H
#define OTLPIPE_CORE_ERROR_H

/** @return an enum otlp_error: ACCESS where no other says it better */
int error_from_errno(int negative_errno);

#endif
