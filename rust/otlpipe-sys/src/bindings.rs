// SPDX-License-Identifier: Apache-2.0
// Made by bindgen.sh; tests/ compares it with the headers.

pub const OTLP_VERSION_MAJOR: u32 = 0;
pub const OTLP_VERSION_MINOR: u32 = 2;
pub const OTLP_VERSION_PATCH: u32 = 0;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_str {
    pub ptr: *const ::core::ffi::c_char,
    pub len: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_str"][::core::mem::size_of::<otlp_str>() - 16usize];
    ["Alignment of otlp_str"][::core::mem::align_of::<otlp_str>() - 8usize];
    ["Offset of field: otlp_str::ptr"][::core::mem::offset_of!(otlp_str, ptr) - 0usize];
    ["Offset of field: otlp_str::len"][::core::mem::offset_of!(otlp_str, len) - 8usize];
};
impl Default for otlp_str {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_bytes {
    pub ptr: *const u8,
    pub len: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_bytes"][::core::mem::size_of::<otlp_bytes>() - 16usize];
    ["Alignment of otlp_bytes"][::core::mem::align_of::<otlp_bytes>() - 8usize];
    ["Offset of field: otlp_bytes::ptr"][::core::mem::offset_of!(otlp_bytes, ptr) - 0usize];
    ["Offset of field: otlp_bytes::len"][::core::mem::offset_of!(otlp_bytes, len) - 8usize];
};
impl Default for otlp_bytes {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const OTLP_VALUE_EMPTY: otlp_value_type = 0;
pub const OTLP_VALUE_STRING: otlp_value_type = 1;
pub const OTLP_VALUE_BOOL: otlp_value_type = 2;
pub const OTLP_VALUE_INT: otlp_value_type = 3;
pub const OTLP_VALUE_DOUBLE: otlp_value_type = 4;
pub const OTLP_VALUE_ARRAY: otlp_value_type = 5;
pub const OTLP_VALUE_KVLIST: otlp_value_type = 6;
pub const OTLP_VALUE_BYTES: otlp_value_type = 7;
pub type otlp_value_type = ::core::ffi::c_uint;
pub const OTLP_VALUE_DEPTH_MAX: otlp_value_limit = 16;
pub type otlp_value_limit = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_array {
    pub items: *const otlp_value,
    pub count: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_array"][::core::mem::size_of::<otlp_array>() - 16usize];
    ["Alignment of otlp_array"][::core::mem::align_of::<otlp_array>() - 8usize];
    ["Offset of field: otlp_array::items"][::core::mem::offset_of!(otlp_array, items) - 0usize];
    ["Offset of field: otlp_array::count"][::core::mem::offset_of!(otlp_array, count) - 8usize];
};
impl Default for otlp_array {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_kvlist {
    pub items: *const otlp_attribute,
    pub count: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_kvlist"][::core::mem::size_of::<otlp_kvlist>() - 16usize];
    ["Alignment of otlp_kvlist"][::core::mem::align_of::<otlp_kvlist>() - 8usize];
    ["Offset of field: otlp_kvlist::items"][::core::mem::offset_of!(otlp_kvlist, items) - 0usize];
    ["Offset of field: otlp_kvlist::count"][::core::mem::offset_of!(otlp_kvlist, count) - 8usize];
};
impl Default for otlp_kvlist {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union otlp_value_content {
    pub string: otlp_str,
    pub boolean: bool,
    pub integer: i64,
    pub real: f64,
    pub bytes: otlp_bytes,
    pub array: otlp_array,
    pub kvlist: otlp_kvlist,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_value_content"][::core::mem::size_of::<otlp_value_content>() - 16usize];
    ["Alignment of otlp_value_content"][::core::mem::align_of::<otlp_value_content>() - 8usize];
    ["Offset of field: otlp_value_content::string"]
        [::core::mem::offset_of!(otlp_value_content, string) - 0usize];
    ["Offset of field: otlp_value_content::boolean"]
        [::core::mem::offset_of!(otlp_value_content, boolean) - 0usize];
    ["Offset of field: otlp_value_content::integer"]
        [::core::mem::offset_of!(otlp_value_content, integer) - 0usize];
    ["Offset of field: otlp_value_content::real"]
        [::core::mem::offset_of!(otlp_value_content, real) - 0usize];
    ["Offset of field: otlp_value_content::bytes"]
        [::core::mem::offset_of!(otlp_value_content, bytes) - 0usize];
    ["Offset of field: otlp_value_content::array"]
        [::core::mem::offset_of!(otlp_value_content, array) - 0usize];
    ["Offset of field: otlp_value_content::kvlist"]
        [::core::mem::offset_of!(otlp_value_content, kvlist) - 0usize];
};
impl Default for otlp_value_content {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct otlp_value {
    pub type_: otlp_value_type,
    pub as_: otlp_value_content,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_value"][::core::mem::size_of::<otlp_value>() - 24usize];
    ["Alignment of otlp_value"][::core::mem::align_of::<otlp_value>() - 8usize];
    ["Offset of field: otlp_value::type_"][::core::mem::offset_of!(otlp_value, type_) - 0usize];
    ["Offset of field: otlp_value::as_"][::core::mem::offset_of!(otlp_value, as_) - 8usize];
};
impl Default for otlp_value {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct otlp_attribute {
    pub key: otlp_str,
    pub value: otlp_value,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_attribute"][::core::mem::size_of::<otlp_attribute>() - 40usize];
    ["Alignment of otlp_attribute"][::core::mem::align_of::<otlp_attribute>() - 8usize];
    ["Offset of field: otlp_attribute::key"][::core::mem::offset_of!(otlp_attribute, key) - 0usize];
    ["Offset of field: otlp_attribute::value"]
        [::core::mem::offset_of!(otlp_attribute, value) - 16usize];
};
impl Default for otlp_attribute {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_attributes {
    pub items: *const otlp_attribute,
    pub count: usize,
    pub dropped: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_attributes"][::core::mem::size_of::<otlp_attributes>() - 24usize];
    ["Alignment of otlp_attributes"][::core::mem::align_of::<otlp_attributes>() - 8usize];
    ["Offset of field: otlp_attributes::items"]
        [::core::mem::offset_of!(otlp_attributes, items) - 0usize];
    ["Offset of field: otlp_attributes::count"]
        [::core::mem::offset_of!(otlp_attributes, count) - 8usize];
    ["Offset of field: otlp_attributes::dropped"]
        [::core::mem::offset_of!(otlp_attributes, dropped) - 16usize];
};
impl Default for otlp_attributes {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_resource {
    pub attributes: otlp_attributes,
    pub schema_url: otlp_str,
    pub reserved: [*const ::core::ffi::c_void; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_resource"][::core::mem::size_of::<otlp_resource>() - 72usize];
    ["Alignment of otlp_resource"][::core::mem::align_of::<otlp_resource>() - 8usize];
    ["Offset of field: otlp_resource::attributes"]
        [::core::mem::offset_of!(otlp_resource, attributes) - 0usize];
    ["Offset of field: otlp_resource::schema_url"]
        [::core::mem::offset_of!(otlp_resource, schema_url) - 24usize];
    ["Offset of field: otlp_resource::reserved"]
        [::core::mem::offset_of!(otlp_resource, reserved) - 40usize];
};
impl Default for otlp_resource {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_scope {
    pub name: otlp_str,
    pub version: otlp_str,
    pub schema_url: otlp_str,
    pub attributes: otlp_attributes,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_scope"][::core::mem::size_of::<otlp_scope>() - 88usize];
    ["Alignment of otlp_scope"][::core::mem::align_of::<otlp_scope>() - 8usize];
    ["Offset of field: otlp_scope::name"][::core::mem::offset_of!(otlp_scope, name) - 0usize];
    ["Offset of field: otlp_scope::version"]
        [::core::mem::offset_of!(otlp_scope, version) - 16usize];
    ["Offset of field: otlp_scope::schema_url"]
        [::core::mem::offset_of!(otlp_scope, schema_url) - 32usize];
    ["Offset of field: otlp_scope::attributes"]
        [::core::mem::offset_of!(otlp_scope, attributes) - 48usize];
    ["Offset of field: otlp_scope::reserved"]
        [::core::mem::offset_of!(otlp_scope, reserved) - 72usize];
};
impl Default for otlp_scope {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
extern "C" {
    pub fn otlp_str_from(text: *const ::core::ffi::c_char) -> otlp_str;
}
extern "C" {
    pub fn otlp_value_str(text: otlp_str) -> otlp_value;
}
extern "C" {
    pub fn otlp_value_int(integer: i64) -> otlp_value;
}
extern "C" {
    pub fn otlp_value_double(real: f64) -> otlp_value;
}
extern "C" {
    pub fn otlp_value_bool(boolean: bool) -> otlp_value;
}
extern "C" {
    pub fn otlp_value_bytes(bytes: otlp_bytes) -> otlp_value;
}
extern "C" {
    pub fn otlp_value_array(items: *const otlp_value, count: usize) -> otlp_value;
}
extern "C" {
    pub fn otlp_value_kvlist(items: *const otlp_attribute, count: usize) -> otlp_value;
}
extern "C" {
    pub fn otlp_attr_str(key: otlp_str, value: otlp_str) -> otlp_attribute;
}
extern "C" {
    pub fn otlp_attr_int(key: otlp_str, value: i64) -> otlp_attribute;
}
extern "C" {
    pub fn otlp_attr_double(key: otlp_str, value: f64) -> otlp_attribute;
}
extern "C" {
    pub fn otlp_attr_bool(key: otlp_str, value: bool) -> otlp_attribute;
}
extern "C" {
    pub fn otlp_attr_bytes(key: otlp_str, value: otlp_bytes) -> otlp_attribute;
}
extern "C" {
    pub fn otlp_attr_array(key: otlp_str, items: *const otlp_value, count: usize)
        -> otlp_attribute;
}
extern "C" {
    pub fn otlp_attr_kvlist(
        key: otlp_str,
        items: *const otlp_attribute,
        count: usize,
    ) -> otlp_attribute;
}
pub const OTLP_OK: otlp_error = 0;
pub const OTLP_ERR_INVALID: otlp_error = -22;
pub const OTLP_ERR_NO_MEMORY: otlp_error = -12;
pub const OTLP_ERR_ACCESS: otlp_error = -13;
pub const OTLP_ERR_NO_SPACE: otlp_error = -28;
pub const OTLP_ERR_TIMEOUT: otlp_error = -110;
pub const OTLP_ERR_TOO_LARGE: otlp_error = -90;
pub const OTLP_ERR_FULL: otlp_error = -105;
pub const OTLP_ERR_NO_WRITER: otlp_error = -107;
pub const OTLP_ERR_SHUTDOWN: otlp_error = -108;
pub const OTLP_ERR_LIMIT: otlp_error = -122;
pub const OTLP_ERR_ABI: otlp_error = -71;
pub type otlp_error = ::core::ffi::c_int;
pub const OTLP_SDK_SUCCESS: otlp_sdk_status = 0;
pub const OTLP_SDK_INTERNAL_FAILURE: otlp_sdk_status = 1;
pub type otlp_sdk_status = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_sdk_result {
    pub status: otlp_sdk_status,
    pub cause: ::core::ffi::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_sdk_result"][::core::mem::size_of::<otlp_sdk_result>() - 8usize];
    ["Alignment of otlp_sdk_result"][::core::mem::align_of::<otlp_sdk_result>() - 4usize];
    ["Offset of field: otlp_sdk_result::status"]
        [::core::mem::offset_of!(otlp_sdk_result, status) - 0usize];
    ["Offset of field: otlp_sdk_result::cause"]
        [::core::mem::offset_of!(otlp_sdk_result, cause) - 4usize];
};
impl Default for otlp_sdk_result {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const OTLP_SEVERITY_UNSPECIFIED: otlp_severity_number = 0;
pub const OTLP_SEVERITY_TRACE: otlp_severity_number = 1;
pub const OTLP_SEVERITY_TRACE2: otlp_severity_number = 2;
pub const OTLP_SEVERITY_TRACE3: otlp_severity_number = 3;
pub const OTLP_SEVERITY_TRACE4: otlp_severity_number = 4;
pub const OTLP_SEVERITY_DEBUG: otlp_severity_number = 5;
pub const OTLP_SEVERITY_DEBUG2: otlp_severity_number = 6;
pub const OTLP_SEVERITY_DEBUG3: otlp_severity_number = 7;
pub const OTLP_SEVERITY_DEBUG4: otlp_severity_number = 8;
pub const OTLP_SEVERITY_INFO: otlp_severity_number = 9;
pub const OTLP_SEVERITY_INFO2: otlp_severity_number = 10;
pub const OTLP_SEVERITY_INFO3: otlp_severity_number = 11;
pub const OTLP_SEVERITY_INFO4: otlp_severity_number = 12;
pub const OTLP_SEVERITY_WARN: otlp_severity_number = 13;
pub const OTLP_SEVERITY_WARN2: otlp_severity_number = 14;
pub const OTLP_SEVERITY_WARN3: otlp_severity_number = 15;
pub const OTLP_SEVERITY_WARN4: otlp_severity_number = 16;
pub const OTLP_SEVERITY_ERROR: otlp_severity_number = 17;
pub const OTLP_SEVERITY_ERROR2: otlp_severity_number = 18;
pub const OTLP_SEVERITY_ERROR3: otlp_severity_number = 19;
pub const OTLP_SEVERITY_ERROR4: otlp_severity_number = 20;
pub const OTLP_SEVERITY_FATAL: otlp_severity_number = 21;
pub const OTLP_SEVERITY_FATAL2: otlp_severity_number = 22;
pub const OTLP_SEVERITY_FATAL3: otlp_severity_number = 23;
pub const OTLP_SEVERITY_FATAL4: otlp_severity_number = 24;
pub type otlp_severity_number = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Copy, Clone)]
pub struct otlp_log_record {
    pub resource: *const otlp_resource,
    pub scope: *const otlp_scope,
    pub time_unix_ns: u64,
    pub observed_time_unix_ns: u64,
    pub severity_number: otlp_severity_number,
    pub flags: u32,
    pub severity_text: otlp_str,
    pub body: otlp_value,
    pub attributes: otlp_attributes,
    pub trace_id: [u8; 16usize],
    pub span_id: [u8; 8usize],
    pub event_name: otlp_str,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_log_record"][::core::mem::size_of::<otlp_log_record>() - 160usize];
    ["Alignment of otlp_log_record"][::core::mem::align_of::<otlp_log_record>() - 8usize];
    ["Offset of field: otlp_log_record::resource"]
        [::core::mem::offset_of!(otlp_log_record, resource) - 0usize];
    ["Offset of field: otlp_log_record::scope"]
        [::core::mem::offset_of!(otlp_log_record, scope) - 8usize];
    ["Offset of field: otlp_log_record::time_unix_ns"]
        [::core::mem::offset_of!(otlp_log_record, time_unix_ns) - 16usize];
    ["Offset of field: otlp_log_record::observed_time_unix_ns"]
        [::core::mem::offset_of!(otlp_log_record, observed_time_unix_ns) - 24usize];
    ["Offset of field: otlp_log_record::severity_number"]
        [::core::mem::offset_of!(otlp_log_record, severity_number) - 32usize];
    ["Offset of field: otlp_log_record::flags"]
        [::core::mem::offset_of!(otlp_log_record, flags) - 36usize];
    ["Offset of field: otlp_log_record::severity_text"]
        [::core::mem::offset_of!(otlp_log_record, severity_text) - 40usize];
    ["Offset of field: otlp_log_record::body"]
        [::core::mem::offset_of!(otlp_log_record, body) - 56usize];
    ["Offset of field: otlp_log_record::attributes"]
        [::core::mem::offset_of!(otlp_log_record, attributes) - 80usize];
    ["Offset of field: otlp_log_record::trace_id"]
        [::core::mem::offset_of!(otlp_log_record, trace_id) - 104usize];
    ["Offset of field: otlp_log_record::span_id"]
        [::core::mem::offset_of!(otlp_log_record, span_id) - 120usize];
    ["Offset of field: otlp_log_record::event_name"]
        [::core::mem::offset_of!(otlp_log_record, event_name) - 128usize];
    ["Offset of field: otlp_log_record::reserved"]
        [::core::mem::offset_of!(otlp_log_record, reserved) - 144usize];
};
impl Default for otlp_log_record {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const OTLP_TEMPORALITY_UNSPECIFIED: otlp_temporality = 0;
pub const OTLP_TEMPORALITY_DELTA: otlp_temporality = 1;
pub const OTLP_TEMPORALITY_CUMULATIVE: otlp_temporality = 2;
pub type otlp_temporality = ::core::ffi::c_uint;
pub const OTLP_PREFER_CUMULATIVE: otlp_temporality_preference = 0;
pub const OTLP_PREFER_DELTA: otlp_temporality_preference = 1;
pub const OTLP_PREFER_LOW_MEMORY: otlp_temporality_preference = 2;
pub type otlp_temporality_preference = ::core::ffi::c_uint;
pub const OTLP_COUNTER: otlp_instrument_kind = 0;
pub const OTLP_UP_DOWN_COUNTER: otlp_instrument_kind = 1;
pub const OTLP_HISTOGRAM: otlp_instrument_kind = 2;
pub const OTLP_GAUGE: otlp_instrument_kind = 3;
pub const OTLP_OBSERVABLE_COUNTER: otlp_instrument_kind = 4;
pub const OTLP_OBSERVABLE_UP_DOWN_COUNTER: otlp_instrument_kind = 5;
pub const OTLP_OBSERVABLE_GAUGE: otlp_instrument_kind = 6;
pub type otlp_instrument_kind = ::core::ffi::c_uint;
pub const OTLP_NUMBER_NONE: otlp_number_type = 0;
pub const OTLP_NUMBER_INT: otlp_number_type = 1;
pub const OTLP_NUMBER_DOUBLE: otlp_number_type = 2;
pub type otlp_number_type = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Copy, Clone)]
pub union otlp_number_content {
    pub integer: i64,
    pub real: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_number_content"][::core::mem::size_of::<otlp_number_content>() - 8usize];
    ["Alignment of otlp_number_content"][::core::mem::align_of::<otlp_number_content>() - 8usize];
    ["Offset of field: otlp_number_content::integer"]
        [::core::mem::offset_of!(otlp_number_content, integer) - 0usize];
    ["Offset of field: otlp_number_content::real"]
        [::core::mem::offset_of!(otlp_number_content, real) - 0usize];
};
impl Default for otlp_number_content {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct otlp_number {
    pub type_: otlp_number_type,
    pub as_: otlp_number_content,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_number"][::core::mem::size_of::<otlp_number>() - 16usize];
    ["Alignment of otlp_number"][::core::mem::align_of::<otlp_number>() - 8usize];
    ["Offset of field: otlp_number::type_"][::core::mem::offset_of!(otlp_number, type_) - 0usize];
    ["Offset of field: otlp_number::as_"][::core::mem::offset_of!(otlp_number, as_) - 8usize];
};
impl Default for otlp_number {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct otlp_exemplar {
    pub time_unix_ns: u64,
    pub value: otlp_number,
    pub trace_id: [u8; 16usize],
    pub span_id: [u8; 8usize],
    pub filtered_attributes: otlp_attributes,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_exemplar"][::core::mem::size_of::<otlp_exemplar>() - 88usize];
    ["Alignment of otlp_exemplar"][::core::mem::align_of::<otlp_exemplar>() - 8usize];
    ["Offset of field: otlp_exemplar::time_unix_ns"]
        [::core::mem::offset_of!(otlp_exemplar, time_unix_ns) - 0usize];
    ["Offset of field: otlp_exemplar::value"]
        [::core::mem::offset_of!(otlp_exemplar, value) - 8usize];
    ["Offset of field: otlp_exemplar::trace_id"]
        [::core::mem::offset_of!(otlp_exemplar, trace_id) - 24usize];
    ["Offset of field: otlp_exemplar::span_id"]
        [::core::mem::offset_of!(otlp_exemplar, span_id) - 40usize];
    ["Offset of field: otlp_exemplar::filtered_attributes"]
        [::core::mem::offset_of!(otlp_exemplar, filtered_attributes) - 48usize];
    ["Offset of field: otlp_exemplar::reserved"]
        [::core::mem::offset_of!(otlp_exemplar, reserved) - 72usize];
};
impl Default for otlp_exemplar {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_point {
    pub attributes: otlp_attributes,
    pub start_time_unix_ns: u64,
    pub time_unix_ns: u64,
    pub flags: u32,
    pub exemplars: *const otlp_exemplar,
    pub exemplar_count: usize,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_point"][::core::mem::size_of::<otlp_point>() - 80usize];
    ["Alignment of otlp_point"][::core::mem::align_of::<otlp_point>() - 8usize];
    ["Offset of field: otlp_point::attributes"]
        [::core::mem::offset_of!(otlp_point, attributes) - 0usize];
    ["Offset of field: otlp_point::start_time_unix_ns"]
        [::core::mem::offset_of!(otlp_point, start_time_unix_ns) - 24usize];
    ["Offset of field: otlp_point::time_unix_ns"]
        [::core::mem::offset_of!(otlp_point, time_unix_ns) - 32usize];
    ["Offset of field: otlp_point::flags"][::core::mem::offset_of!(otlp_point, flags) - 40usize];
    ["Offset of field: otlp_point::exemplars"]
        [::core::mem::offset_of!(otlp_point, exemplars) - 48usize];
    ["Offset of field: otlp_point::exemplar_count"]
        [::core::mem::offset_of!(otlp_point, exemplar_count) - 56usize];
    ["Offset of field: otlp_point::reserved"]
        [::core::mem::offset_of!(otlp_point, reserved) - 64usize];
};
impl Default for otlp_point {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct otlp_number_point {
    pub point: otlp_point,
    pub value: otlp_number,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_number_point"][::core::mem::size_of::<otlp_number_point>() - 96usize];
    ["Alignment of otlp_number_point"][::core::mem::align_of::<otlp_number_point>() - 8usize];
    ["Offset of field: otlp_number_point::point"]
        [::core::mem::offset_of!(otlp_number_point, point) - 0usize];
    ["Offset of field: otlp_number_point::value"]
        [::core::mem::offset_of!(otlp_number_point, value) - 80usize];
};
impl Default for otlp_number_point {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_histogram_point {
    pub point: otlp_point,
    pub count: u64,
    pub has_sum: bool,
    pub has_min: bool,
    pub has_max: bool,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub bucket_counts: *const u64,
    pub bucket_count: usize,
    pub bounds: *const f64,
    pub bound_count: usize,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_histogram_point"][::core::mem::size_of::<otlp_histogram_point>() - 168usize];
    ["Alignment of otlp_histogram_point"][::core::mem::align_of::<otlp_histogram_point>() - 8usize];
    ["Offset of field: otlp_histogram_point::point"]
        [::core::mem::offset_of!(otlp_histogram_point, point) - 0usize];
    ["Offset of field: otlp_histogram_point::count"]
        [::core::mem::offset_of!(otlp_histogram_point, count) - 80usize];
    ["Offset of field: otlp_histogram_point::has_sum"]
        [::core::mem::offset_of!(otlp_histogram_point, has_sum) - 88usize];
    ["Offset of field: otlp_histogram_point::has_min"]
        [::core::mem::offset_of!(otlp_histogram_point, has_min) - 89usize];
    ["Offset of field: otlp_histogram_point::has_max"]
        [::core::mem::offset_of!(otlp_histogram_point, has_max) - 90usize];
    ["Offset of field: otlp_histogram_point::sum"]
        [::core::mem::offset_of!(otlp_histogram_point, sum) - 96usize];
    ["Offset of field: otlp_histogram_point::min"]
        [::core::mem::offset_of!(otlp_histogram_point, min) - 104usize];
    ["Offset of field: otlp_histogram_point::max"]
        [::core::mem::offset_of!(otlp_histogram_point, max) - 112usize];
    ["Offset of field: otlp_histogram_point::bucket_counts"]
        [::core::mem::offset_of!(otlp_histogram_point, bucket_counts) - 120usize];
    ["Offset of field: otlp_histogram_point::bucket_count"]
        [::core::mem::offset_of!(otlp_histogram_point, bucket_count) - 128usize];
    ["Offset of field: otlp_histogram_point::bounds"]
        [::core::mem::offset_of!(otlp_histogram_point, bounds) - 136usize];
    ["Offset of field: otlp_histogram_point::bound_count"]
        [::core::mem::offset_of!(otlp_histogram_point, bound_count) - 144usize];
    ["Offset of field: otlp_histogram_point::reserved"]
        [::core::mem::offset_of!(otlp_histogram_point, reserved) - 152usize];
};
impl Default for otlp_histogram_point {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_exp_buckets {
    pub offset: i32,
    pub counts: *const u64,
    pub count: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_exp_buckets"][::core::mem::size_of::<otlp_exp_buckets>() - 24usize];
    ["Alignment of otlp_exp_buckets"][::core::mem::align_of::<otlp_exp_buckets>() - 8usize];
    ["Offset of field: otlp_exp_buckets::offset"]
        [::core::mem::offset_of!(otlp_exp_buckets, offset) - 0usize];
    ["Offset of field: otlp_exp_buckets::counts"]
        [::core::mem::offset_of!(otlp_exp_buckets, counts) - 8usize];
    ["Offset of field: otlp_exp_buckets::count"]
        [::core::mem::offset_of!(otlp_exp_buckets, count) - 16usize];
};
impl Default for otlp_exp_buckets {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_exp_histogram_point {
    pub point: otlp_point,
    pub count: u64,
    pub has_sum: bool,
    pub has_min: bool,
    pub has_max: bool,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub positive: otlp_exp_buckets,
    pub negative: otlp_exp_buckets,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_exp_histogram_point"]
        [::core::mem::size_of::<otlp_exp_histogram_point>() - 208usize];
    ["Alignment of otlp_exp_histogram_point"]
        [::core::mem::align_of::<otlp_exp_histogram_point>() - 8usize];
    ["Offset of field: otlp_exp_histogram_point::point"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, point) - 0usize];
    ["Offset of field: otlp_exp_histogram_point::count"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, count) - 80usize];
    ["Offset of field: otlp_exp_histogram_point::has_sum"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, has_sum) - 88usize];
    ["Offset of field: otlp_exp_histogram_point::has_min"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, has_min) - 89usize];
    ["Offset of field: otlp_exp_histogram_point::has_max"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, has_max) - 90usize];
    ["Offset of field: otlp_exp_histogram_point::sum"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, sum) - 96usize];
    ["Offset of field: otlp_exp_histogram_point::min"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, min) - 104usize];
    ["Offset of field: otlp_exp_histogram_point::max"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, max) - 112usize];
    ["Offset of field: otlp_exp_histogram_point::scale"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, scale) - 120usize];
    ["Offset of field: otlp_exp_histogram_point::zero_count"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, zero_count) - 128usize];
    ["Offset of field: otlp_exp_histogram_point::zero_threshold"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, zero_threshold) - 136usize];
    ["Offset of field: otlp_exp_histogram_point::positive"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, positive) - 144usize];
    ["Offset of field: otlp_exp_histogram_point::negative"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, negative) - 168usize];
    ["Offset of field: otlp_exp_histogram_point::reserved"]
        [::core::mem::offset_of!(otlp_exp_histogram_point, reserved) - 192usize];
};
impl Default for otlp_exp_histogram_point {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct otlp_quantile {
    pub quantile: f64,
    pub value: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_quantile"][::core::mem::size_of::<otlp_quantile>() - 16usize];
    ["Alignment of otlp_quantile"][::core::mem::align_of::<otlp_quantile>() - 8usize];
    ["Offset of field: otlp_quantile::quantile"]
        [::core::mem::offset_of!(otlp_quantile, quantile) - 0usize];
    ["Offset of field: otlp_quantile::value"]
        [::core::mem::offset_of!(otlp_quantile, value) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_summary_point {
    pub point: otlp_point,
    pub count: u64,
    pub sum: f64,
    pub quantiles: *const otlp_quantile,
    pub quantile_count: usize,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_summary_point"][::core::mem::size_of::<otlp_summary_point>() - 128usize];
    ["Alignment of otlp_summary_point"][::core::mem::align_of::<otlp_summary_point>() - 8usize];
    ["Offset of field: otlp_summary_point::point"]
        [::core::mem::offset_of!(otlp_summary_point, point) - 0usize];
    ["Offset of field: otlp_summary_point::count"]
        [::core::mem::offset_of!(otlp_summary_point, count) - 80usize];
    ["Offset of field: otlp_summary_point::sum"]
        [::core::mem::offset_of!(otlp_summary_point, sum) - 88usize];
    ["Offset of field: otlp_summary_point::quantiles"]
        [::core::mem::offset_of!(otlp_summary_point, quantiles) - 96usize];
    ["Offset of field: otlp_summary_point::quantile_count"]
        [::core::mem::offset_of!(otlp_summary_point, quantile_count) - 104usize];
    ["Offset of field: otlp_summary_point::reserved"]
        [::core::mem::offset_of!(otlp_summary_point, reserved) - 112usize];
};
impl Default for otlp_summary_point {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const OTLP_METRIC_GAUGE: otlp_metric_type = 1;
pub const OTLP_METRIC_SUM: otlp_metric_type = 2;
pub const OTLP_METRIC_HISTOGRAM: otlp_metric_type = 3;
pub const OTLP_METRIC_EXP_HISTOGRAM: otlp_metric_type = 4;
pub const OTLP_METRIC_SUMMARY: otlp_metric_type = 5;
pub type otlp_metric_type = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Copy, Clone)]
pub union otlp_metric_points {
    pub number: *const otlp_number_point,
    pub histogram: *const otlp_histogram_point,
    pub exp_histogram: *const otlp_exp_histogram_point,
    pub summary: *const otlp_summary_point,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_metric_points"][::core::mem::size_of::<otlp_metric_points>() - 8usize];
    ["Alignment of otlp_metric_points"][::core::mem::align_of::<otlp_metric_points>() - 8usize];
    ["Offset of field: otlp_metric_points::number"]
        [::core::mem::offset_of!(otlp_metric_points, number) - 0usize];
    ["Offset of field: otlp_metric_points::histogram"]
        [::core::mem::offset_of!(otlp_metric_points, histogram) - 0usize];
    ["Offset of field: otlp_metric_points::exp_histogram"]
        [::core::mem::offset_of!(otlp_metric_points, exp_histogram) - 0usize];
    ["Offset of field: otlp_metric_points::summary"]
        [::core::mem::offset_of!(otlp_metric_points, summary) - 0usize];
};
impl Default for otlp_metric_points {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Copy, Clone)]
pub struct otlp_metric {
    pub name: otlp_str,
    pub description: otlp_str,
    pub unit: otlp_str,
    pub type_: otlp_metric_type,
    pub temporality: otlp_temporality,
    pub is_monotonic: bool,
    pub metadata: otlp_attributes,
    pub points: otlp_metric_points,
    pub point_count: usize,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_metric"][::core::mem::size_of::<otlp_metric>() - 120usize];
    ["Alignment of otlp_metric"][::core::mem::align_of::<otlp_metric>() - 8usize];
    ["Offset of field: otlp_metric::name"][::core::mem::offset_of!(otlp_metric, name) - 0usize];
    ["Offset of field: otlp_metric::description"]
        [::core::mem::offset_of!(otlp_metric, description) - 16usize];
    ["Offset of field: otlp_metric::unit"][::core::mem::offset_of!(otlp_metric, unit) - 32usize];
    ["Offset of field: otlp_metric::type_"][::core::mem::offset_of!(otlp_metric, type_) - 48usize];
    ["Offset of field: otlp_metric::temporality"]
        [::core::mem::offset_of!(otlp_metric, temporality) - 52usize];
    ["Offset of field: otlp_metric::is_monotonic"]
        [::core::mem::offset_of!(otlp_metric, is_monotonic) - 56usize];
    ["Offset of field: otlp_metric::metadata"]
        [::core::mem::offset_of!(otlp_metric, metadata) - 64usize];
    ["Offset of field: otlp_metric::points"]
        [::core::mem::offset_of!(otlp_metric, points) - 88usize];
    ["Offset of field: otlp_metric::point_count"]
        [::core::mem::offset_of!(otlp_metric, point_count) - 96usize];
    ["Offset of field: otlp_metric::reserved"]
        [::core::mem::offset_of!(otlp_metric, reserved) - 104usize];
};
impl Default for otlp_metric {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_scope_metrics {
    pub scope: otlp_scope,
    pub metrics: *const otlp_metric,
    pub metric_count: usize,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_scope_metrics"][::core::mem::size_of::<otlp_scope_metrics>() - 120usize];
    ["Alignment of otlp_scope_metrics"][::core::mem::align_of::<otlp_scope_metrics>() - 8usize];
    ["Offset of field: otlp_scope_metrics::scope"]
        [::core::mem::offset_of!(otlp_scope_metrics, scope) - 0usize];
    ["Offset of field: otlp_scope_metrics::metrics"]
        [::core::mem::offset_of!(otlp_scope_metrics, metrics) - 88usize];
    ["Offset of field: otlp_scope_metrics::metric_count"]
        [::core::mem::offset_of!(otlp_scope_metrics, metric_count) - 96usize];
    ["Offset of field: otlp_scope_metrics::reserved"]
        [::core::mem::offset_of!(otlp_scope_metrics, reserved) - 104usize];
};
impl Default for otlp_scope_metrics {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_resource_metrics {
    pub resource: *const otlp_resource,
    pub scope_metrics: *const otlp_scope_metrics,
    pub scope_metrics_count: usize,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_resource_metrics"][::core::mem::size_of::<otlp_resource_metrics>() - 40usize];
    ["Alignment of otlp_resource_metrics"]
        [::core::mem::align_of::<otlp_resource_metrics>() - 8usize];
    ["Offset of field: otlp_resource_metrics::resource"]
        [::core::mem::offset_of!(otlp_resource_metrics, resource) - 0usize];
    ["Offset of field: otlp_resource_metrics::scope_metrics"]
        [::core::mem::offset_of!(otlp_resource_metrics, scope_metrics) - 8usize];
    ["Offset of field: otlp_resource_metrics::scope_metrics_count"]
        [::core::mem::offset_of!(otlp_resource_metrics, scope_metrics_count) - 16usize];
    ["Offset of field: otlp_resource_metrics::reserved"]
        [::core::mem::offset_of!(otlp_resource_metrics, reserved) - 24usize];
};
impl Default for otlp_resource_metrics {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const OTLP_SPAN_KIND_UNSPECIFIED: otlp_span_kind = 0;
pub const OTLP_SPAN_KIND_INTERNAL: otlp_span_kind = 1;
pub const OTLP_SPAN_KIND_SERVER: otlp_span_kind = 2;
pub const OTLP_SPAN_KIND_CLIENT: otlp_span_kind = 3;
pub const OTLP_SPAN_KIND_PRODUCER: otlp_span_kind = 4;
pub const OTLP_SPAN_KIND_CONSUMER: otlp_span_kind = 5;
pub type otlp_span_kind = ::core::ffi::c_uint;
pub const OTLP_STATUS_UNSET: otlp_status_code = 0;
pub const OTLP_STATUS_OK: otlp_status_code = 1;
pub const OTLP_STATUS_ERROR: otlp_status_code = 2;
pub type otlp_status_code = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_span_event {
    pub time_unix_ns: u64,
    pub name: otlp_str,
    pub attributes: otlp_attributes,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_span_event"][::core::mem::size_of::<otlp_span_event>() - 64usize];
    ["Alignment of otlp_span_event"][::core::mem::align_of::<otlp_span_event>() - 8usize];
    ["Offset of field: otlp_span_event::time_unix_ns"]
        [::core::mem::offset_of!(otlp_span_event, time_unix_ns) - 0usize];
    ["Offset of field: otlp_span_event::name"]
        [::core::mem::offset_of!(otlp_span_event, name) - 8usize];
    ["Offset of field: otlp_span_event::attributes"]
        [::core::mem::offset_of!(otlp_span_event, attributes) - 24usize];
    ["Offset of field: otlp_span_event::reserved"]
        [::core::mem::offset_of!(otlp_span_event, reserved) - 48usize];
};
impl Default for otlp_span_event {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_span_link {
    pub trace_id: [u8; 16usize],
    pub span_id: [u8; 8usize],
    pub trace_state: otlp_str,
    pub attributes: otlp_attributes,
    pub flags: u32,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_span_link"][::core::mem::size_of::<otlp_span_link>() - 88usize];
    ["Alignment of otlp_span_link"][::core::mem::align_of::<otlp_span_link>() - 8usize];
    ["Offset of field: otlp_span_link::trace_id"]
        [::core::mem::offset_of!(otlp_span_link, trace_id) - 0usize];
    ["Offset of field: otlp_span_link::span_id"]
        [::core::mem::offset_of!(otlp_span_link, span_id) - 16usize];
    ["Offset of field: otlp_span_link::trace_state"]
        [::core::mem::offset_of!(otlp_span_link, trace_state) - 24usize];
    ["Offset of field: otlp_span_link::attributes"]
        [::core::mem::offset_of!(otlp_span_link, attributes) - 40usize];
    ["Offset of field: otlp_span_link::flags"]
        [::core::mem::offset_of!(otlp_span_link, flags) - 64usize];
    ["Offset of field: otlp_span_link::reserved"]
        [::core::mem::offset_of!(otlp_span_link, reserved) - 72usize];
};
impl Default for otlp_span_link {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_span {
    pub resource: *const otlp_resource,
    pub scope: *const otlp_scope,
    pub trace_id: [u8; 16usize],
    pub span_id: [u8; 8usize],
    pub parent_span_id: [u8; 8usize],
    pub trace_state: otlp_str,
    pub name: otlp_str,
    pub kind: otlp_span_kind,
    pub flags: u32,
    pub start_time_unix_ns: u64,
    pub end_time_unix_ns: u64,
    pub attributes: otlp_attributes,
    pub events: *const otlp_span_event,
    pub event_count: usize,
    pub dropped_event_count: u32,
    pub links: *const otlp_span_link,
    pub link_count: usize,
    pub dropped_link_count: u32,
    pub status: otlp_status_code,
    pub status_message: otlp_str,
    pub reserved: [*const ::core::ffi::c_void; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_span"][::core::mem::size_of::<otlp_span>() - 208usize];
    ["Alignment of otlp_span"][::core::mem::align_of::<otlp_span>() - 8usize];
    ["Offset of field: otlp_span::resource"][::core::mem::offset_of!(otlp_span, resource) - 0usize];
    ["Offset of field: otlp_span::scope"][::core::mem::offset_of!(otlp_span, scope) - 8usize];
    ["Offset of field: otlp_span::trace_id"]
        [::core::mem::offset_of!(otlp_span, trace_id) - 16usize];
    ["Offset of field: otlp_span::span_id"][::core::mem::offset_of!(otlp_span, span_id) - 32usize];
    ["Offset of field: otlp_span::parent_span_id"]
        [::core::mem::offset_of!(otlp_span, parent_span_id) - 40usize];
    ["Offset of field: otlp_span::trace_state"]
        [::core::mem::offset_of!(otlp_span, trace_state) - 48usize];
    ["Offset of field: otlp_span::name"][::core::mem::offset_of!(otlp_span, name) - 64usize];
    ["Offset of field: otlp_span::kind"][::core::mem::offset_of!(otlp_span, kind) - 80usize];
    ["Offset of field: otlp_span::flags"][::core::mem::offset_of!(otlp_span, flags) - 84usize];
    ["Offset of field: otlp_span::start_time_unix_ns"]
        [::core::mem::offset_of!(otlp_span, start_time_unix_ns) - 88usize];
    ["Offset of field: otlp_span::end_time_unix_ns"]
        [::core::mem::offset_of!(otlp_span, end_time_unix_ns) - 96usize];
    ["Offset of field: otlp_span::attributes"]
        [::core::mem::offset_of!(otlp_span, attributes) - 104usize];
    ["Offset of field: otlp_span::events"][::core::mem::offset_of!(otlp_span, events) - 128usize];
    ["Offset of field: otlp_span::event_count"]
        [::core::mem::offset_of!(otlp_span, event_count) - 136usize];
    ["Offset of field: otlp_span::dropped_event_count"]
        [::core::mem::offset_of!(otlp_span, dropped_event_count) - 144usize];
    ["Offset of field: otlp_span::links"][::core::mem::offset_of!(otlp_span, links) - 152usize];
    ["Offset of field: otlp_span::link_count"]
        [::core::mem::offset_of!(otlp_span, link_count) - 160usize];
    ["Offset of field: otlp_span::dropped_link_count"]
        [::core::mem::offset_of!(otlp_span, dropped_link_count) - 168usize];
    ["Offset of field: otlp_span::status"][::core::mem::offset_of!(otlp_span, status) - 172usize];
    ["Offset of field: otlp_span::status_message"]
        [::core::mem::offset_of!(otlp_span, status_message) - 176usize];
    ["Offset of field: otlp_span::reserved"]
        [::core::mem::offset_of!(otlp_span, reserved) - 192usize];
};
impl Default for otlp_span {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
pub const OTLP_FOREVER: otlp_timeout = -1;
pub type otlp_timeout = ::core::ffi::c_int;
pub const OTLP_SIGNAL_TRACES: otlp_signal = 0;
pub const OTLP_SIGNAL_METRICS: otlp_signal = 1;
pub const OTLP_SIGNAL_LOGS: otlp_signal = 2;
pub type otlp_signal = ::core::ffi::c_uint;
pub const OTLP_SIGNAL_MAX: otlp_signal_limit = 4;
pub type otlp_signal_limit = ::core::ffi::c_uint;
pub const OTLP_SPAN_RING_BYTES_DEFAULT: otlp_limit = 4194304;
pub const OTLP_METRIC_RING_BYTES_DEFAULT: otlp_limit = 1048576;
pub const OTLP_LOG_RING_BYTES_DEFAULT: otlp_limit = 1048576;
pub const OTLP_RING_BYTES_MIN: otlp_limit = 4096;
pub const OTLP_RING_BYTES_MAX: otlp_limit = 1073741824;
pub const OTLP_RECORD_BYTES_MAX: otlp_limit = 4194304;
pub const OTLP_LANES_MAX: otlp_limit = 8;
pub const OTLP_SHAPE_ATTRIBUTES_MAX: otlp_limit = 1024;
pub type otlp_limit = ::core::ffi::c_uint;
#[repr(C)]
#[derive(Debug)]
pub struct otlp_library {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct otlp_metric_exporter {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct otlp_span_exporter {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct otlp_log_exporter {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct otlp_shape {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct otlp_log_shape {
    _unused: [u8; 0],
}
pub type otlp_diagnostic_fn = ::core::option::Option<
    unsafe extern "C" fn(
        context: *mut ::core::ffi::c_void,
        error: ::core::ffi::c_int,
        text: *const ::core::ffi::c_char,
    ),
>;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otlp_options {
    pub struct_bytes: u32,
    pub temporality: otlp_temporality_preference,
    pub ring_bytes: [u32; 4usize],
    pub runtime_dir: *const ::core::ffi::c_char,
    pub resource: *const otlp_resource,
    pub diagnostic: otlp_diagnostic_fn,
    pub diagnostic_context: *mut ::core::ffi::c_void,
    pub lanes: u32,
    pub reserved_1: u32,
    pub reserved: [*const ::core::ffi::c_void; 7usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_options"][::core::mem::size_of::<otlp_options>() - 120usize];
    ["Alignment of otlp_options"][::core::mem::align_of::<otlp_options>() - 8usize];
    ["Offset of field: otlp_options::struct_bytes"]
        [::core::mem::offset_of!(otlp_options, struct_bytes) - 0usize];
    ["Offset of field: otlp_options::temporality"]
        [::core::mem::offset_of!(otlp_options, temporality) - 4usize];
    ["Offset of field: otlp_options::ring_bytes"]
        [::core::mem::offset_of!(otlp_options, ring_bytes) - 8usize];
    ["Offset of field: otlp_options::runtime_dir"]
        [::core::mem::offset_of!(otlp_options, runtime_dir) - 24usize];
    ["Offset of field: otlp_options::resource"]
        [::core::mem::offset_of!(otlp_options, resource) - 32usize];
    ["Offset of field: otlp_options::diagnostic"]
        [::core::mem::offset_of!(otlp_options, diagnostic) - 40usize];
    ["Offset of field: otlp_options::diagnostic_context"]
        [::core::mem::offset_of!(otlp_options, diagnostic_context) - 48usize];
    ["Offset of field: otlp_options::lanes"]
        [::core::mem::offset_of!(otlp_options, lanes) - 56usize];
    ["Offset of field: otlp_options::reserved_1"]
        [::core::mem::offset_of!(otlp_options, reserved_1) - 60usize];
    ["Offset of field: otlp_options::reserved"]
        [::core::mem::offset_of!(otlp_options, reserved) - 64usize];
};
impl Default for otlp_options {
    fn default() -> Self {
        let mut s = ::core::mem::MaybeUninit::<Self>::uninit();
        unsafe {
            ::core::ptr::write_bytes(s.as_mut_ptr(), 0, 1);
            s.assume_init()
        }
    }
}
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct otlp_signal_stats {
    pub accepted: u64,
    pub accepted_bytes: u64,
    pub dropped_full: u64,
    pub dropped_too_large: u64,
    pub dropped_invalid: u64,
    pub reserved: [u64; 11usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_signal_stats"][::core::mem::size_of::<otlp_signal_stats>() - 128usize];
    ["Alignment of otlp_signal_stats"][::core::mem::align_of::<otlp_signal_stats>() - 8usize];
    ["Offset of field: otlp_signal_stats::accepted"]
        [::core::mem::offset_of!(otlp_signal_stats, accepted) - 0usize];
    ["Offset of field: otlp_signal_stats::accepted_bytes"]
        [::core::mem::offset_of!(otlp_signal_stats, accepted_bytes) - 8usize];
    ["Offset of field: otlp_signal_stats::dropped_full"]
        [::core::mem::offset_of!(otlp_signal_stats, dropped_full) - 16usize];
    ["Offset of field: otlp_signal_stats::dropped_too_large"]
        [::core::mem::offset_of!(otlp_signal_stats, dropped_too_large) - 24usize];
    ["Offset of field: otlp_signal_stats::dropped_invalid"]
        [::core::mem::offset_of!(otlp_signal_stats, dropped_invalid) - 32usize];
    ["Offset of field: otlp_signal_stats::reserved"]
        [::core::mem::offset_of!(otlp_signal_stats, reserved) - 40usize];
};
#[repr(C)]
#[derive(Debug, Default, Copy, Clone)]
pub struct otlp_stats {
    pub signals: [otlp_signal_stats; 4usize],
    pub rejected_after_shutdown: u64,
    pub ring_error: i32,
    pub ring_failures: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otlp_stats"][::core::mem::size_of::<otlp_stats>() - 528usize];
    ["Alignment of otlp_stats"][::core::mem::align_of::<otlp_stats>() - 8usize];
    ["Offset of field: otlp_stats::signals"][::core::mem::offset_of!(otlp_stats, signals) - 0usize];
    ["Offset of field: otlp_stats::rejected_after_shutdown"]
        [::core::mem::offset_of!(otlp_stats, rejected_after_shutdown) - 512usize];
    ["Offset of field: otlp_stats::ring_error"]
        [::core::mem::offset_of!(otlp_stats, ring_error) - 520usize];
    ["Offset of field: otlp_stats::ring_failures"]
        [::core::mem::offset_of!(otlp_stats, ring_failures) - 524usize];
};
extern "C" {
    pub fn otlp_options_init(options: *mut otlp_options, struct_bytes: usize)
        -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_open(
        ret: *mut *mut otlp_library,
        options: *const otlp_options,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_last_error(
        library: *mut otlp_library,
        ret: *mut ::core::ffi::c_char,
        ret_bytes: usize,
    ) -> usize;
}
extern "C" {
    pub fn otlp_library_ref(library: *mut otlp_library) -> *mut otlp_library;
}
extern "C" {
    pub fn otlp_library_unref(library: *mut otlp_library);
}
extern "C" {
    pub fn otlp_library_export_metrics_ref(
        library: *mut otlp_library,
        metrics: *const otlp_resource_metrics,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_export_traces(
        library: *mut otlp_library,
        spans: *const otlp_span,
        count: usize,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_export_logs(
        library: *mut otlp_library,
        records: *const otlp_log_record,
        count: usize,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_shape_register(
        example: *const otlp_span,
        ret: *mut *mut otlp_shape,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_shape_ref(shape: *mut otlp_shape) -> *mut otlp_shape;
}
extern "C" {
    pub fn otlp_shape_unref(shape: *mut otlp_shape);
}
extern "C" {
    pub fn otlp_library_export_shaped(
        library: *mut otlp_library,
        shape: *mut otlp_shape,
        spans: *const otlp_span,
        count: usize,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_log_shape_register(
        example: *const otlp_log_record,
        ret: *mut *mut otlp_log_shape,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_log_shape_ref(shape: *mut otlp_log_shape) -> *mut otlp_log_shape;
}
extern "C" {
    pub fn otlp_log_shape_unref(shape: *mut otlp_log_shape);
}
extern "C" {
    pub fn otlp_library_export_logs_shaped(
        library: *mut otlp_library,
        shape: *mut otlp_log_shape,
        records: *const otlp_log_record,
        count: usize,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_flush(library: *mut otlp_library, timeout_ns: i64) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_snapshot(library: *mut otlp_library) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_shutdown(library: *mut otlp_library, timeout_ns: i64)
        -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_get_stats(
        library: *mut otlp_library,
        ret: *mut otlp_stats,
        struct_bytes: usize,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_metric_exporter(
        library: *mut otlp_library,
        ret: *mut *mut otlp_metric_exporter,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_span_exporter(
        library: *mut otlp_library,
        ret: *mut *mut otlp_span_exporter,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_library_log_exporter(
        library: *mut otlp_library,
        ret: *mut *mut otlp_log_exporter,
    ) -> ::core::ffi::c_int;
}
extern "C" {
    pub fn otlp_metric_exporter_export(
        exporter: *mut otlp_metric_exporter,
        metrics: *const otlp_resource_metrics,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_metric_exporter_force_flush(
        exporter: *mut otlp_metric_exporter,
        timeout_ns: i64,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_metric_exporter_shutdown(
        exporter: *mut otlp_metric_exporter,
        timeout_ns: i64,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_metric_exporter_temporality(
        exporter: *const otlp_metric_exporter,
        kind: otlp_instrument_kind,
    ) -> otlp_temporality;
}
extern "C" {
    pub fn otlp_metric_exporter_temporality_preference(
        exporter: *const otlp_metric_exporter,
    ) -> otlp_temporality_preference;
}
extern "C" {
    pub fn otlp_metric_exporter_ref(
        exporter: *mut otlp_metric_exporter,
    ) -> *mut otlp_metric_exporter;
}
extern "C" {
    pub fn otlp_metric_exporter_unref(exporter: *mut otlp_metric_exporter);
}
extern "C" {
    pub fn otlp_span_exporter_export(
        exporter: *mut otlp_span_exporter,
        spans: *const otlp_span,
        count: usize,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_span_exporter_export_shaped(
        exporter: *mut otlp_span_exporter,
        shape: *mut otlp_shape,
        spans: *const otlp_span,
        count: usize,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_span_exporter_set_resource(
        exporter: *mut otlp_span_exporter,
        resource: *const otlp_resource,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_span_exporter_force_flush(
        exporter: *mut otlp_span_exporter,
        timeout_ns: i64,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_span_exporter_shutdown(
        exporter: *mut otlp_span_exporter,
        timeout_ns: i64,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_span_exporter_ref(exporter: *mut otlp_span_exporter) -> *mut otlp_span_exporter;
}
extern "C" {
    pub fn otlp_span_exporter_unref(exporter: *mut otlp_span_exporter);
}
extern "C" {
    pub fn otlp_log_exporter_export(
        exporter: *mut otlp_log_exporter,
        records: *const otlp_log_record,
        count: usize,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_log_exporter_export_shaped(
        exporter: *mut otlp_log_exporter,
        shape: *mut otlp_log_shape,
        records: *const otlp_log_record,
        count: usize,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_log_exporter_set_resource(
        exporter: *mut otlp_log_exporter,
        resource: *const otlp_resource,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_log_exporter_force_flush(
        exporter: *mut otlp_log_exporter,
        timeout_ns: i64,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_log_exporter_shutdown(
        exporter: *mut otlp_log_exporter,
        timeout_ns: i64,
    ) -> otlp_sdk_result;
}
extern "C" {
    pub fn otlp_log_exporter_ref(exporter: *mut otlp_log_exporter) -> *mut otlp_log_exporter;
}
extern "C" {
    pub fn otlp_log_exporter_unref(exporter: *mut otlp_log_exporter);
}
extern "C" {
    pub fn otlp_strerror(error: ::core::ffi::c_int) -> *const ::core::ffi::c_char;
}
extern "C" {
    pub fn otlp_version() -> *const ::core::ffi::c_char;
}
