//! The example call of a task.

/// A call as JSON: one input with parameters. It is tried when a model is published or loaded, and documents the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleCall {
    input: String,
    parameters: Option<String>,
}

impl ExampleCall {
    /// A call with the input `input`, as JSON, without parameters.
    pub fn of_input(input: impl Into<String>) -> Self {
        Self { input: input.into(), parameters: None }
    }

    /// The same call with `parameters`, as JSON.
    #[must_use]
    pub fn with_parameters(self, parameters: impl Into<String>) -> Self {
        Self { parameters: Some(parameters.into()), ..self }
    }

    /// The input, as JSON.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The parameters, as JSON.
    pub fn parameters(&self) -> Option<&str> {
        self.parameters.as_deref()
    }

    /// The body of `predict` with `count` such inputs.
    ///
    /// ```
    /// use amaas_model::task::ExampleCall;
    ///
    /// let call = ExampleCall::of_input(r#""A text.""#).with_parameters(r#"{"top_k":2}"#);
    /// assert_eq!(call.body(2), r#"{"inputs":["A text.","A text."],"parameters":{"top_k":2}}"#);
    /// ```
    pub fn body(&self, count: usize) -> String {
        let inputs = vec![self.input.as_str(); count].join(",");
        match &self.parameters {
            Some(parameters) => format!(r#"{{"inputs":[{inputs}],"parameters":{parameters}}}"#),
            None => format!(r#"{{"inputs":[{inputs}]}}"#),
        }
    }
}
