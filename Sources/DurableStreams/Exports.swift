// The engine's types that a user of this module meets in its API, so that one import is enough.
@_exported public import enum SegmentedLog.Durability
@_exported public import enum SegmentedLog.LogOpenError
@_exported public import struct SegmentedLog.LogEvent
@_exported public import struct SegmentedLog.StreamNumber
@_exported public import struct SegmentedLog.StreamPosition
