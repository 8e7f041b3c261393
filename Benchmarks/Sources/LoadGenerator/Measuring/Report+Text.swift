extension Report {
    /// For eyes: one figure in a line, numbers aligned.
    public var table: String {
        let settings = settings.filter { $0.value != 0 }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        var lines = [settings.isEmpty ? workload : "\(workload): \(settings)"]
        let shown = figures.map { Self.decimal($0.value, $0.decimalCount, grouped: true) }
        let labelWidth = max(6, figures.map(\.label.count).max() ?? 0)
        let valueWidth = max(1, shown.map(\.count).max() ?? 0)
        for (figure, value) in zip(figures, shown) {
            let label = figure.label + String(repeating: " ", count: labelWidth - figure.label.count)
            let number = String(repeating: " ", count: valueWidth - value.count) + value
            lines.append("  \(label)  \(number)\(figure.unit.isEmpty ? "" : " ")\(figure.unit)")
        }
        let errors = String(errorCount)
        lines.append(
            "  errors" + String(repeating: " ", count: labelWidth - 4 + max(0, valueWidth - errors.count)) + errors)
        return lines.joined(separator: "\n") + "\n"
    }

    /// For machines: one object on one line. Keys carry their units.
    public var json: String {
        var members = [("workload", Self.quoted(workload))]
        members += settings.map { ($0.key, "\($0.value)") }
        members += figures.map { ($0.key, Self.decimal($0.value, max(3, $0.decimalCount), grouped: false)) }
        members.append(("errors", "\(errorCount)"))
        members.append(("failures", "[" + failures.map(Self.quoted).joined(separator: ",") + "]"))
        return "{" + members.map { "\(Self.quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}\n"
    }

    static func decimal(_ value: Double, _ decimalCount: Int, grouped: Bool) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "0" }
        var scale = 1
        for _ in 0..<decimalCount { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        var whole = String(scaled / scale)
        if grouped {
            var groups: [Substring] = []
            var rest = whole[...]
            while rest.count > 3 {
                groups.insert(rest.suffix(3), at: 0)
                rest = rest.dropLast(3)
            }
            whole = ([rest] + groups).joined(separator: ",")
        }
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard decimalCount > 0 else { return sign + whole }
        let fraction = String(scaled % scale)
        return sign + whole + "." + String(repeating: "0", count: decimalCount - fraction.count) + fraction
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
